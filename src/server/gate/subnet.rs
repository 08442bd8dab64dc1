//! A part of the address space, as `ADDRESS/BITS` has it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// An address, or all that have their first bits in common with one.
///
/// ```
/// use sockmodes::server::Subnet;
///
/// let subnet: Subnet = "10.1.0.0/16".parse()?;
/// assert!(subnet.contains("10.1.2.3".parse()?) && !subnet.contains("10.2.2.3".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    address: IpAddr,
    bits: u32,
}

/// Why something is no [`Subnet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubnetError {
    /// Not an address, nor one with a number of bits.
    #[error("expected an IP address, or ADDRESS/BITS such as 10.0.0.0/8")]
    Form,
    /// The address is of a family with fewer bits.
    #[error("an IPv4 address has 32 bits, an IPv6 address 128")]
    Bits,
}

impl Subnet {
    /// All that have their first `bits` in common with `address`, of which the rest does not matter.
    ///
    /// # Errors
    ///
    /// [`SubnetError::Bits`] if the address has not so many.
    pub fn new(address: IpAddr, bits: u32) -> Result<Subnet, SubnetError> {
        if bits > len(address) { Err(SubnetError::Bits) } else { Ok(Subnet { address, bits }) }
    }

    /// Whether `address` is one of them; an IPv4 address is none of IPv6's.
    pub fn contains(&self, address: IpAddr) -> bool {
        // With no bits at all it is a shift by the whole length, which is none: then nothing is left.
        let rest = len(self.address) - self.bits;
        let prefix = |bits: u128| bits.checked_shr(rest).unwrap_or(0);
        match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                prefix(one.to_bits().into()) == prefix(other.to_bits().into())
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                prefix(one.to_bits()) == prefix(other.to_bits())
            }
            _ => false,
        }
    }
}

fn len(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl From<IpAddr> for Subnet {
    fn from(address: IpAddr) -> Subnet {
        Subnet { address, bits: len(address) }
    }
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Subnet, SubnetError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| SubnetError::Form)?;
        match bits {
            None => Ok(address.into()),
            // A sign in front is something that only Rust takes for a number's.
            Some(bits) if bits.bytes().all(|digit| digit.is_ascii_digit()) => {
                Subnet::new(address, bits.parse().map_err(|_| SubnetError::Form)?)
            }
            Some(_) => Err(SubnetError::Form),
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(subnet: &str, address: &str) -> bool {
        subnet.parse::<Subnet>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn the_first_bits_decide() {
        assert!(contains("127.0.0.1", "127.0.0.1") && !contains("127.0.0.1", "127.0.0.2"));
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("10.9.9.9/8", "10.255.0.1"), "the rest of it does not matter");
        assert!(
            contains("192.0.2.64/26", "192.0.2.127") && !contains("192.0.2.64/26", "192.0.2.128")
        );
        assert!(contains("0.0.0.0/0", "203.0.113.9") && contains("::/0", "2001:db8::1"));
        assert!(contains("::1", "::1") && !contains("::1", "::2"));
        assert!(contains("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!contains("2001:db8::/33", "2001:db8:8000::1"));
        assert!(!contains("0.0.0.0/0", "::1") && !contains("::/0", "192.0.2.1"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "/8", "10.0.0.0/", "10.0.0/8", "localhost", "::1/+3", "10.0.0.0/8/8"] {
            assert_eq!(text.parse::<Subnet>(), Err(SubnetError::Form), "{text}");
        }
        for text in ["10.0.0.0/33", "::/129"] {
            assert_eq!(text.parse::<Subnet>(), Err(SubnetError::Bits), "{text}");
        }
        assert_eq!("10.0.0.0/8".parse::<Subnet>().unwrap().to_string(), "10.0.0.0/8");
    }
}
