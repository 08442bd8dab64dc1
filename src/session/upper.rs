//! ASCII letters in upper case, with the widest instructions that the processor has.

#[cfg(target_arch = "x86_64")]
use fearless_simd::{Avx2, Level, Simd};

/// How many bytes are changed in one go: a cache line.
const CHUNK: usize = 64;

/// How it is done here. A program for any x86-64 processor is built with what the first of them
/// could; whoever has AVX2 changes twice as many bytes at a time with it.
#[derive(Clone, Copy)]
pub(super) enum Upper {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Upper {
    /// The widest that this processor has.
    pub(super) fn new() -> Upper {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Level::new().as_avx2() {
            return Upper::Avx2(avx2);
        }
        Upper::Plain
    }

    /// Python's `bytes.upper()`, in place.
    #[inline]
    pub(super) fn change(self, bytes: &mut [u8]) {
        match self {
            Upper::Plain => by_chunks(bytes),
            #[cfg(target_arch = "x86_64")]
            Upper::Avx2(avx2) => avx2.vectorize(
                #[inline(always)]
                || by_chunks(bytes),
            ),
        }
    }
}

/// Inlined, so that it is built anew for each set of instructions. Chunks have a length that the
/// compiler knows, so a short message needs no loop.
#[inline(always)]
fn by_chunks(mut bytes: &mut [u8]) {
    while bytes.len() >= CHUNK {
        let (chunk, rest) = bytes.split_at_mut(CHUNK);
        chunk.make_ascii_uppercase();
        bytes = rest;
    }
    bytes.make_ascii_uppercase();
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
                for how in [Upper::new(), Upper::Plain] {
                    let mut changed = bytes.clone();
                    how.change(&mut changed);
                    assert_eq!(changed, upper);
                }
            }
        }
    }
}
