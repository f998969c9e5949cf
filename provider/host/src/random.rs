//! Random bytes from the kernel. Guarantees that nothing is returned before the kernel's pool is seeded.

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Fills an array with random bytes.
///
/// # Panics
/// When the kernel has no random source at all; going on without one would be worse.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0_u8; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut out[filled..], GetRandomFlags::empty()) {
            Ok(n) => filled += n,
            Err(Errno::INTR) => {}
            Err(error) => panic!("the kernel gives no random bytes: {error}"),
        }
    }
    out
}

/// A random number in `0..=1`, for jitter; not for secrets.
#[must_use]
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes())) / f64::from(u32::MAX)
}

/// `N` random bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex<const N: usize>() -> String {
    bytes::<N>().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        assert_ne!(super::bytes::<16>(), super::bytes::<16>());
        assert_eq!(super::hex::<16>().len(), 32);
        assert!((0.0..=1.0).contains(&super::fraction()));
    }
}
