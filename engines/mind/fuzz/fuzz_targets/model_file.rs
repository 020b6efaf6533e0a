#![no_main]
//! Model files without their checksum, archives and arrays.
use libfuzzer_sys::fuzz_target;
use shouwen_mind::Mind;
use shouwen_mind::encoder::{npy::Array, zip};

fuzz_target!(|data: &[u8]| {
    if let Ok(mind) = Mind::parse(data) {
        let _ = mind.predict("怎么退款", &[]);
        let label = mind.labels[0].clone();
        let _ = mind.reasons("怎么退款", &label, &[], 3);
    }
    for member in zip::members(data).unwrap_or_default() {
        let _ = zip::unpack(data, &member);
    }
    let _ = Array::read(data);
});
