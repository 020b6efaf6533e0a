//! As much of the zip format as a wheel or an `.npz` needs: central directory, stored and deflated members.

use crate::problem::{Problem, Result};

/// Largest member that is unpacked.
const MOST_BYTES: usize = 512 << 20;

/// One member of an archive.
#[derive(Debug, Clone)]
pub struct Member {
    /// Path inside the archive.
    pub name: String,
    method: u16,
    packed: usize,
    size: usize,
    header: usize,
}

fn bad(what: &str) -> Problem {
    Problem::new("encoder.archive", format!("damaged archive: {what}"), "the file as it was published; fetch it again")
}

fn u16_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?) as usize)
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?) as usize)
}

/// Lists the members of the archive.
pub fn members(data: &[u8]) -> Result<Vec<Member>> {
    let from = data.len().saturating_sub(66_000);
    let end = data[from..].windows(4).rposition(|w| w == b"PK\x05\x06").ok_or_else(|| bad("no end record"))? + from;
    let count = u16_at(data, end + 10).ok_or_else(|| bad("short end record"))?;
    let mut at = u32_at(data, end + 16).ok_or_else(|| bad("short end record"))?;
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        let entry = || -> Option<(Member, usize)> {
            if data.get(at..at + 4)? != b"PK\x01\x02" {
                return None;
            }
            let name_len = u16_at(data, at + 28)?;
            let next = at + 46 + name_len + u16_at(data, at + 30)? + u16_at(data, at + 32)?;
            let name = String::from_utf8_lossy(data.get(at + 46..at + 46 + name_len)?).into_owned();
            let member = Member {
                name,
                method: u16_at(data, at + 10)? as u16,
                packed: u32_at(data, at + 20)?,
                size: u32_at(data, at + 24)?,
                header: u32_at(data, at + 42)?,
            };
            Some((member, next))
        };
        let (member, next) = entry().ok_or_else(|| bad("central directory"))?;
        out.push(member);
        at = next;
    }
    Ok(out)
}

/// Unpacks one member.
pub fn unpack(data: &[u8], member: &Member) -> Result<Vec<u8>> {
    let body = || -> Option<&[u8]> {
        let h = member.header;
        if data.get(h..h.checked_add(4)?)? != b"PK\x03\x04" {
            return None;
        }
        let start = h + 30 + u16_at(data, h + 26)? + u16_at(data, h + 28)?;
        data.get(start..start.checked_add(member.packed)?)
    };
    let body = body().ok_or_else(|| bad(&member.name))?;
    if member.size > MOST_BYTES {
        return Err(bad(&format!("{} is too large", member.name)));
    }
    let out = match member.method {
        0 => body.to_vec(),
        8 => miniz_oxide::inflate::decompress_to_vec_with_limit(body, member.size)
            .map_err(|_| bad(&format!("{} does not unpack", member.name)))?,
        other => return Err(bad(&format!("{} uses method {other}", member.name))),
    };
    if out.len() != member.size {
        return Err(bad(&format!("{} has the wrong size", member.name)));
    }
    Ok(out)
}
