//! A small shop's questions, written for these tests, and where the public data lies.
#![allow(dead_code)]

use shouwen_mind::{Mind, Purpose, Row, TrainOptions, Tuning};
use std::path::PathBuf;

/// Own rows: intent, texts separated by `|`.
const ROWS: [(&str, &str); 8] = [
    ("refund", "怎么申请退款|我要退钱|退款多久到账|钱什么时候退给我|申请了退款还没到|可以退款吗"),
    ("invoice", "怎么开发票|发票在哪里下载|我要开增值税发票|发票抬头写错了|电子发票怎么领|能补开发票吗"),
    ("delivery", "快递到哪里了|什么时候发货|物流一直不动|包裹显示签收但没收到|几天能送到|催一下快递"),
    ("exchange", "尺码不合适想换货|收到的颜色不对要换|换货运费谁出|可以换大一号吗|怎么申请换货|换一个新的"),
    ("coupon", "优惠券怎么用|为什么优惠券不能用|领的券不见了|优惠券过期了能补吗|满减活动怎么算|会员有折扣吗"),
    ("account", "忘记密码怎么办|手机号换了怎么登录|账号被锁了|怎么注销账号|修改绑定的手机号|收不到验证码"),
    ("warranty", "保修多久|坏了怎么修|维修点在哪里|过保了还能修吗|屏幕碎了保修吗|保修卡丢了"),
    ("install", "什么时候上门安装|安装收费吗|预约安装师傅|安装师傅没来|怎么自己安装|改约安装时间"),
];

/// The rows of the fictional shop.
pub fn rows() -> Vec<Row> {
    ROWS.iter().flat_map(|(label, texts)| texts.split('|').map(|t| Row::new(*label, t))).collect()
}

/// How the tests train.
pub fn options() -> TrainOptions {
    TrainOptions { purpose: Purpose::Intent, tuning: Tuning::default() }
}

/// A model of the fictional shop, sparse tier.
pub fn shop() -> Mind {
    Mind::train(&rows(), options(), &[]).expect("the shop's rows train")
}

/// The folder of public data, or `None` with a loud note.
pub fn shared(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SHOUWEN_SHARED").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let found = named.into_iter().chain([beside]).map(|f| f.join("data/nlp")).find(|f| f.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED {test}: no public data (set SHOUWEN_SHARED, or put shared/ beside the repository)");
    }
    found
}
