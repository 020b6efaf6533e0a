//! What customers write and agents answer. All of it invented.

/// A kind of matter.
pub struct Topic {
    /// Case type once somebody has looked at it.
    pub kind: &'static str,
    pub tag: &'static str,
    /// 0: first line solves it; otherwise the team it goes to (index).
    pub second_line: usize,
    /// Relative frequency.
    pub weight: u64,
    pub english: bool,
    /// Subject and text.
    pub asks: &'static [(&'static str, &'static str)],
    pub answers: &'static [&'static str],
    /// What the customer adds when asked.
    pub adds: &'static [&'static str],
}

pub const TOPICS: &[Topic] = &[
    Topic {
        kind: "incident", tag: "宽带", second_line: super::people::REPAIR, weight: 16, english: false,
        asks: &[
            ("宽带断线，光猫红灯", "您好，家里宽带从昨晚开始断线，光猫 LOS 灯一直亮红灯，重启过三次也没用。请尽快安排师傅上门。"),
            ("晚上网速特别慢", "你好，最近一周每天晚上八点以后网速只有几兆，看视频一直转圈，白天又正常。办理的是 500M 套餐，麻烦查一下原因。"),
            ("网络频繁掉线影响居家办公", "我在家办公，视频会议平均半小时掉一次线，已经影响工作。路由器是新买的，请检查线路。"),
        ],
        answers: &["您好，已远程检测到线路光衰偏大，装维人员会在 24 小时内与您预约上门时间，给您带来不便非常抱歉。", "您好，已为您刷新端口配置，请将光猫断电一分钟后重启再试。如仍未恢复请直接回复本邮件。"],
        adds: &["已经按说明重启了，红灯还是亮着。明天下午两点以后家里都有人。", "测了一下有线只有 8M，截图见附件。", "今天又掉线三次，时间大约是 9:40、11:15、14:02。"],
    },
    Topic {
        kind: "request", tag: "账单", second_line: super::people::BILLING, weight: 15, english: false,
        asks: &[
            ("本月账单多扣了 60 元", "您好，我的套餐是每月 129 元，这个月账单却是 189 元，多出来的 60 元是什么费用？我没有办理过新的业务。"),
            ("申请开具电子发票", "请帮忙开具上个月的电子发票，抬头：虚构科技有限公司，发到这个邮箱就可以，谢谢。"),
            ("退订后仍在扣费", "上个月已经退订了增值业务，短信也确认了，可是这个月又扣了 15 元，请核实并退回。"),
        ],
        answers: &["您好，经核实该费用为上月增值业务的尾账，现已为您办理退费，金额将在下期账单中冲抵。", "您好，电子发票已经开具并发送到您的邮箱，请注意查收。如抬头有误，可在 30 日内回复本邮件更换。"],
        adds: &["退订短信的时间是上个月 26 日晚上，内容我可以提供截图。", "抬头没问题，麻烦再补一下备注栏。", "请问冲抵以后还需要我做什么吗？"],
    },
    Topic {
        kind: "request", tag: "移动业务", second_line: 0, weight: 13, english: false,
        asks: &[
            ("想换一个流量更多的套餐", "您好，现在的套餐 20G 流量总是不够用，想了解一下 50G 以上的套餐怎么收费，合约期还有 5 个月能换吗？"),
            ("补办手机卡需要什么材料", "手机丢了想补卡，人在外地，可以在当地营业厅办吗？需要带什么证件？"),
            ("国际漫游怎么开通", "下周要出国开会，想提前开通国际漫游，请问有没有按天计费的套餐？"),
        ],
        answers: &["您好，为您推荐每月 159 元含 60G 的套餐，合约期内可以升档，次月生效。如同意办理请回复“同意”。", "您好，凭本人有效证件在任一自营营业厅即可补卡，全国通办，工本费全免。", "您好，漫游已经为您开通，落地后开机即可使用，按天计费 25 元封顶。"],
        adds: &["同意，请帮我办理。", "请问次月生效前这个月的流量还按原来的算吗？", "好的，另外想问一下能不能保留原来的号码归属地？"],
    },
    Topic {
        kind: "request", tag: "售后", second_line: 0, weight: 11, english: false,
        asks: &[
            ("光猫申请更换", "家里的光猫用了六年，WiFi 信号很弱，隔一堵墙就没有了，能免费换一个新的吗？"),
            ("新装宽带预约时间想改期", "原来预约的是周六上午安装，临时有事，想改到下周三下午，麻烦帮忙调整，谢谢。"),
            ("路由器保修问题", "上个月在营业厅买的路由器今天不通电了，有小票，请问保修怎么办理？"),
        ],
        answers: &["您好，已为您登记免费更换，师傅上门前会短信通知，旧设备交给师傅即可。", "您好，安装时间已经改好，届时师傅会提前半小时联系您。", "您好，七天内凭小票可到任一营业厅直接换新，超过七天由厂家保修，已为您登记取件。"],
        adds: &["师傅今天来过了，问题解决，谢谢。", "请问还需要我准备什么？", "取件地址和登记的地址一样，谢谢。"],
    },
    Topic {
        kind: "complaint", tag: "服务投诉", second_line: 0, weight: 8, english: false,
        asks: &[
            ("投诉：师傅三次爽约", "约了三次上门，三次都没有人来，也没有一个电话。我请了三次假，要求给个说法并尽快解决。"),
            ("投诉营业厅强制捆绑销售", "昨天去营业厅办理宽带续费，工作人员坚持要加一个电视包才给办，态度也不好，要求处理。"),
            ("对处理结果不满意，要求升级", "上次反映的问题说已经解决，实际上一点没有改善。请由能负责的人联系我。"),
        ],
        answers: &["您好，非常抱歉给您带来不好的体验。我们已核实情况并对相关人员进行了处理，今天 18 点前会有主管与您联系。", "您好，您反映的情况属实，捆绑的业务已取消，多收的费用已经原路退回，感谢您的监督。"],
        adds: &["到现在还没有人联系我。", "费用收到了，希望以后不要再发生这种事。", "可以，我等主管的电话，下午三点以后方便。"],
    },
    Topic {
        kind: "request", tag: "企业专线", second_line: super::people::REPAIR, weight: 5, english: false,
        asks: &[("企业专线扩容咨询", "我司目前使用 100M 专线，计划下季度扩到 300M，请提供报价和施工周期，另需固定 IP 4 个。"), ("专线月度报告", "请提供上个月的专线可用率报告，用于内部审计。")],
        answers: &["您好，扩容方案与报价见下：300M 专线含 4 个固定 IP，施工周期 10 个工作日，期间业务不中断。", "您好，上月可用率为 99.97%，报告已由系统生成，见附件说明。"],
        adds: &["报价已经提交内部审批，预计周五给答复。", "请补充一份盖章版。"],
    },
    Topic {
        kind: "incident", tag: "broadband", second_line: 0, weight: 6, english: true,
        asks: &[
            ("No internet since this morning", "Hello, our fibre connection has been down since about 7 am. The LOS light on the box is red and restarting did not help. Could you send somebody?"),
            ("Connection drops every evening", "Hi, every evening around nine the connection drops for ten minutes or so. I have changed the cable and the router already. Please check the line."),
        ],
        answers: &["Hello, thank you for telling us. We have found a fault on the line and a technician will come tomorrow between 9 and 12. Please reply if that does not suit you.", "Hello, we have reset the port on our side. Please switch the box off for one minute and try again."],
        adds: &["Tomorrow morning is fine, thank you.", "It dropped again last night at 21:10 and 21:45."],
    },
    Topic {
        kind: "request", tag: "billing", second_line: super::people::BILLING, weight: 6, english: true,
        asks: &[
            ("Charged twice for October", "Hello, my card was charged twice for the same bill. Could you refund one of the payments please?"),
            ("Invoice with company name", "Could you please issue the invoice for last month in the name of Imaginary Trading Ltd? Thank you."),
        ],
        answers: &["Hello, we can see both payments. One of them has been refunded and should arrive within three working days.", "Hello, the corrected invoice has been sent to this address."],
        adds: &["Received, thank you very much.", "Which reference should I look for on my statement?"],
    },
    Topic {
        kind: "request", tag: "mobile", second_line: 0, weight: 4, english: true,
        asks: &[("Roaming for a business trip", "I will be abroad for two weeks. Which roaming package would you recommend and how do I switch it on?"), ("Keep my number when moving", "We are moving to another city. Can I keep my mobile number and change only the home address?")],
        answers: &["Hello, the two-week package with 10 GB fits best. Just reply with “yes” and we will switch it on.", "Hello, yes, the number stays the same. We have noted the new address."],
        adds: &["Yes please.", "Great, thanks. When will it be active?"],
    },
];

/// Transfer notes.
pub const NOTES: &[&str] = &["线路测试结果：光衰 -28.6 dBm，需上门处理，转装维。", "已电话联系客户，约定明天回复结果。", "费用明细已核对，需账务组办理冲正，请协助。", "客户情绪比较激动，请主管关注。", "同小区今天已有三起报障，可能是分光器故障。"];

/// What satisfied, indifferent and dissatisfied customers add.
pub const COMMENTS: [&[&str]; 3] = [
    &["态度很差，问题拖了很久。", "一直让我重复描述问题，希望改进。", "No real solution, very disappointed."],
    &["还可以，就是等的时间有点长。", "一般般，希望能一次说清楚。"],
    &["处理很快，点赞！", "客服很耐心，谢谢。", "师傅当天就来了，非常满意。", "Quick and friendly, thank you.", "说到做到，给好评。"],
];

/// Title, shortcut, text, language.
pub const CANNED: &[(&str, &str, &str, &str)] = &[
    ("问候与受理", "hello", "{{customer.name}}您好，您反映的事项我们已经受理，编号 {{case.number}}，我是{{agent.name}}，会全程跟进到办结。", "zh-CN"),
    ("请补充信息", "more", "您好，为了尽快核实，请补充以下信息：1. 发生的时间；2. 设备指示灯状态；3. 方便联系的时段。", "zh-CN"),
    ("已安排上门", "visit", "您好，已为您安排装维人员上门，上门前半小时会与您联系，请保持电话畅通。", "zh-CN"),
    ("退费说明", "refund", "您好，费用已核实并办理退回，将在 3 个工作日内原路到账，感谢您的耐心等待。", "zh-CN"),
    ("办结致谢", "thanks", "您好，您的事项已经办结。如有任何疑问请直接回复本邮件，感谢您的信任。", "zh-CN"),
    ("Greeting", "hello", "Hello {{customer.name}}, your request has been received under {{case.number}}. I am {{agent.name}} and will stay with it until it is solved.", "en"),
    ("More information", "more", "Hello, to look into this we need: 1. when it happened; 2. which lights are on; 3. when we can reach you.", "en"),
    ("Refund", "refund", "Hello, the amount has been refunded and will arrive within three working days.", "en"),
    ("Closing", "thanks", "Hello, your request has been completed. Simply reply to this mail if anything is left open.", "en"),
];
