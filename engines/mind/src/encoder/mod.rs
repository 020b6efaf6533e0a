//! Sentence encoders: text in, a vector of its meaning out.

pub mod container;
pub mod convert;
pub mod gemm;
pub mod gemm8;
pub mod library;
pub mod minilm;
pub mod npy;
pub mod tokens;
pub mod use_m3;
pub mod weights;
pub mod wordpiece;
pub mod zip;

pub use library::Library;

/// Anything that turns a text into a vector. Implementations are deterministic and keep no state between calls.
pub trait Encode: Sync + Send {
    /// SHA-256 of the encoder's content: a model trained with one encoder is not used with another.
    fn fingerprint(&self) -> &str;
    /// Length of a vector.
    fn dim(&self) -> usize;
    /// Writes the vector of `text` to `out` (length `dim`). Empty text gives zeros.
    fn encode(&self, text: &str, out: &mut [f32]);
    /// Writes the vectors of `texts` to `out`, one after the other (length `texts.len() × dim`): the same as one by one, perhaps sooner.
    fn encode_all(&self, texts: &[&str], out: &mut [f32]) {
        texts.iter().zip(out.chunks_exact_mut(self.dim())).for_each(|(text, out)| self.encode(text, out));
    }
}

/// Pieces whose vectors go through the layers together: enough to read the weights seldom, few enough to stay in the processor's cache.
const PIECES_TOGETHER: usize = 96;

/// Ranges of neighbouring texts, each as long as fits in [`PIECES_TOGETHER`] and at least one text. `pieces`: length of each text.
fn batches(pieces: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut out: Vec<std::ops::Range<usize>> = Vec::new();
    let mut room = 0usize;
    for (at, count) in pieces.iter().enumerate() {
        match out.last_mut().filter(|_| *count <= room) {
            Some(last) => last.end = at + 1,
            None => {
                out.push(at..at + 1);
                room = PIECES_TOGETHER;
            }
        }
        room = room.saturating_sub(*count);
    }
    out
}
