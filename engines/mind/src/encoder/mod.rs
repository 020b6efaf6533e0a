//! Sentence encoders: text in, a vector of its meaning out.

/// Anything that turns a text into a vector. Implementations are deterministic and keep no state between calls.
pub trait Encode: Sync {
    /// SHA-256 of the encoder's content: a model trained with one encoder is not used with another.
    fn fingerprint(&self) -> &str;
    /// Length of a vector.
    fn dim(&self) -> usize;
    /// Writes the vector of `text` to `out` (length `dim`). Empty text gives zeros.
    fn encode(&self, text: &str, out: &mut [f32]);
}
