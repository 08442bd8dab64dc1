//! ASCII letters in upper case, with the widest instructions that the processor has.

#[cfg(target_arch = "x86_64")]
use fearless_simd::{Level, Simd};

/// How many bytes are changed in one go: a cache line.
const CHUNK: usize = 64;

/// Python's `bytes.upper()`, in place.
///
/// A program for any x86-64 processor is built with what the first of them could. Whoever has AVX2
/// changes twice as many bytes at a time with it.
#[inline]
pub(super) fn make_upper(bytes: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = Level::new().as_avx2() {
        return avx2.vectorize(
            #[inline(always)]
            || by_chunks(bytes),
        );
    }
    by_chunks(bytes);
}

/// Inlined, so that it is built anew for each set of instructions. Chunks have a length that the
/// compiler knows, so a short message needs no loop.
#[inline(always)]
fn by_chunks(bytes: &mut [u8]) {
    let (chunks, rest) = bytes.as_chunks_mut::<CHUNK>();
    for chunk in chunks {
        chunk.make_ascii_uppercase();
    }
    rest.make_ascii_uppercase();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_becomes_what_pythons_upper_makes_of_it() {
        for len in 0..4 * CHUNK {
            for first in 0..=u8::MAX {
                let bytes: Vec<u8> = (0..len).map(|at| first.wrapping_add(at as u8)).collect();
                let upper: Vec<u8> = bytes.iter().map(u8::to_ascii_uppercase).collect();
                for change in [make_upper, by_chunks] {
                    let mut changed = bytes.clone();
                    change(&mut changed);
                    assert_eq!(changed, upper);
                }
            }
        }
    }
}
