//! The vocabulary of `CERT_TRUST_STATUS`, and what the SSL policy makes of it.

use std::fmt;

/// Error bits of `CERT_TRUST_STATUS.dwErrorStatus`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TrustStatus(u32);

/// Declares each bit as a constant and lists them with their names.
macro_rules! bits {
    ($type:ident, $table:ident, $($name:ident = $value:literal, $doc:literal;)*) => {
        impl $type {
            $(
                #[doc = concat!("`CERT_TRUST_", stringify!($name), "`: ", $doc)]
                pub const $name: $type = $type($value);
            )*
        }

        const $table: &[($type, &str)] = &[$(($type::$name, stringify!($name)),)*];

        impl $type {
            /// No bit.
            #[must_use]
            pub fn none() -> Self {
                $type(0)
            }

            /// The number as Windows has it.
            #[must_use]
            pub fn bits(self) -> u32 {
                self.0
            }

            /// From the number; unknown bits are kept.
            #[must_use]
            pub fn from_bits(bits: u32) -> Self {
                $type(bits)
            }

            /// True when no bit is set.
            #[must_use]
            pub fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// True when all bits of `other` are set here.
            #[must_use]
            pub fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// True when any bit of `other` is set here.
            #[must_use]
            pub fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Sets the bits of `other`.
            pub fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// These bits without those of `other`.
            #[must_use]
            pub fn without(self, other: Self) -> Self {
                $type(self.0 & !other.0)
            }

            /// The names of the bits set, lowest first, without `CERT_TRUST_`;
            /// bits that have no name give one number in hex.
            #[must_use]
            pub fn names(self) -> Vec<String> {
                let known = $table.iter().filter(|(bit, _)| self.intersects(*bit));
                let mut names: Vec<String> = known.map(|(_, name)| (*name).to_string()).collect();
                let all = $table.iter().fold(0, |all, (bit, _)| all | bit.0);
                if self.0 & !all != 0 {
                    names.push(format!("0x{:08x}", self.0 & !all));
                }
                names
            }
        }

        impl std::ops::BitOr for $type {
            type Output = $type;
            fn bitor(self, other: Self) -> Self {
                $type(self.0 | other.0)
            }
        }

        impl std::ops::BitOrAssign for $type {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}(", stringify!($type))?;
                formatter.write_str(&self.names().join("|"))?;
                formatter.write_str(")")
            }
        }
    };
}

bits! { TrustStatus, ERRORS,
    IS_NOT_TIME_VALID = 0x0000_0001, "outside its validity period.";
    IS_NOT_TIME_NESTED = 0x0000_0002, "obsolete.";
    IS_REVOKED = 0x0000_0004, "revoked.";
    IS_NOT_SIGNATURE_VALID = 0x0000_0008, "the signature does not verify, or is refused as weak.";
    IS_NOT_VALID_FOR_USAGE = 0x0000_0010, "not for the usage asked.";
    IS_UNTRUSTED_ROOT = 0x0000_0020, "ends in a root that is not trusted.";
    REVOCATION_STATUS_UNKNOWN = 0x0000_0040, "no usable revocation answer.";
    IS_CYCLIC = 0x0000_0080, "the issuers form a loop.";
    INVALID_EXTENSION = 0x0000_0100, "an extension cannot be decoded.";
    INVALID_POLICY_CONSTRAINTS = 0x0000_0200, "policy constraints violated.";
    INVALID_BASIC_CONSTRAINTS = 0x0000_0400, "the issuer is no CA, or the path is too long.";
    INVALID_NAME_CONSTRAINTS = 0x0000_0800, "malformed name constraints.";
    HAS_NOT_SUPPORTED_NAME_CONSTRAINT = 0x0000_1000, "a constraint of a kind that is not supported.";
    HAS_NOT_DEFINED_NAME_CONSTRAINT = 0x0000_2000, "a name kind without a constraint.";
    HAS_NOT_PERMITTED_NAME_CONSTRAINT = 0x0000_4000, "a name that is not permitted.";
    HAS_EXCLUDED_NAME_CONSTRAINT = 0x0000_8000, "a name that is excluded.";
    IS_PARTIAL_CHAIN = 0x0001_0000, "no issuer of the last certificate was found.";
    CTL_IS_NOT_TIME_VALID = 0x0002_0000, "the trust list is out of date.";
    CTL_IS_NOT_SIGNATURE_VALID = 0x0004_0000, "the trust list's signature is bad.";
    CTL_IS_NOT_VALID_FOR_USAGE = 0x0008_0000, "the trust list is for another usage.";
    HAS_WEAK_SIGNATURE = 0x0010_0000, "an algorithm or key refused as weak.";
    HAS_WEAK_HYGIENE = 0x0020_0000, "hygiene policy.";
    IS_OFFLINE_REVOCATION = 0x0100_0000, "revocation information unreachable or stale.";
    NO_ISSUANCE_CHAIN_POLICY = 0x0200_0000, "a policy is required and none results.";
    IS_EXPLICIT_DISTRUST = 0x0400_0000, "explicitly distrusted.";
    HAS_NOT_SUPPORTED_CRITICAL_EXT = 0x0800_0000, "an unknown critical extension.";
}

impl TrustStatus {
    /// Bits that Windows sets for the chain and not for one element.
    pub const CHAIN_ONLY: TrustStatus = TrustStatus(0x000f_0000);
}

/// Information bits of `CERT_TRUST_STATUS.dwInfoStatus`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InfoStatus(u32);

bits! { InfoStatus, INFORMATION,
    HAS_EXACT_MATCH_ISSUER = 0x0000_0001, "authorityKeyIdentifier gave issuer and serial.";
    HAS_KEY_MATCH_ISSUER = 0x0000_0002, "authorityKeyIdentifier gave the key.";
    HAS_NAME_MATCH_ISSUER = 0x0000_0004, "matched by name alone.";
    IS_SELF_SIGNED = 0x0000_0008, "signed by its own key.";
    HAS_PREFERRED_ISSUER = 0x0000_0100, "the preferred issuer.";
    HAS_ISSUANCE_CHAIN_POLICY = 0x0000_0200, "an issuance policy results.";
    HAS_VALID_NAME_CONSTRAINTS = 0x0000_0400, "name constraints that hold.";
    IS_COMPLEX_CHAIN = 0x0001_0000, "uses more than one simple chain.";
}

/// The one code the SSL policy returns for these errors: the first that
/// applies, in the order of the vendor's list of codes for chain policies.
///
/// Which code wins where several bits are set is only reported by
/// practitioners; the bits are the answer, this is its summary.
#[must_use]
pub fn policy_error(status: TrustStatus, name_matches: bool) -> &'static str {
    use TrustStatus as T;
    let table: &[(TrustStatus, &str)] = &[
        (T::IS_EXPLICIT_DISTRUST, "TRUST_E_EXPLICIT_DISTRUST"),
        (
            T::IS_NOT_SIGNATURE_VALID | T::HAS_WEAK_SIGNATURE,
            "TRUST_E_CERT_SIGNATURE",
        ),
        (T::CTL_IS_NOT_SIGNATURE_VALID, "TRUST_E_CERT_SIGNATURE"),
        (T::IS_REVOKED, "CRYPT_E_REVOKED"),
        (T::IS_UNTRUSTED_ROOT, "CERT_E_UNTRUSTEDROOT"),
        (T::IS_PARTIAL_CHAIN | T::IS_CYCLIC, "CERT_E_CHAINING"),
        (
            T::IS_NOT_VALID_FOR_USAGE | T::CTL_IS_NOT_VALID_FOR_USAGE,
            "CERT_E_WRONG_USAGE",
        ),
        (
            T::IS_NOT_TIME_VALID | T::CTL_IS_NOT_TIME_VALID,
            "CERT_E_EXPIRED",
        ),
        (
            T::INVALID_NAME_CONSTRAINTS | T::HAS_NOT_SUPPORTED_NAME_CONSTRAINT,
            "CERT_E_INVALID_NAME",
        ),
        (T::HAS_NOT_DEFINED_NAME_CONSTRAINT, "CERT_E_INVALID_NAME"),
        (
            T::HAS_NOT_PERMITTED_NAME_CONSTRAINT | T::HAS_EXCLUDED_NAME_CONSTRAINT,
            "CERT_E_INVALID_NAME",
        ),
        (
            T::INVALID_POLICY_CONSTRAINTS | T::NO_ISSUANCE_CHAIN_POLICY,
            "CERT_E_INVALID_POLICY",
        ),
        (T::INVALID_BASIC_CONSTRAINTS, "TRUST_E_BASIC_CONSTRAINTS"),
        (
            T::HAS_NOT_SUPPORTED_CRITICAL_EXT | T::INVALID_EXTENSION,
            "CERT_E_CRITICAL",
        ),
        (T::IS_OFFLINE_REVOCATION, "CRYPT_E_REVOCATION_OFFLINE"),
        (T::REVOCATION_STATUS_UNKNOWN, "CRYPT_E_NO_REVOCATION_CHECK"),
    ];
    let hit = table.iter().find(|(bits, _)| status.intersects(*bits));
    match hit {
        Some((_, code)) => code,
        None if !name_matches => "CERT_E_CN_NO_MATCH",
        None => "0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_lowest_bit_first_and_unknown_bits_as_a_number() {
        let status = TrustStatus::from_bits(0x8100_0041);
        let names = status.names();
        assert_eq!(
            names,
            [
                "IS_NOT_TIME_VALID",
                "REVOCATION_STATUS_UNKNOWN",
                "IS_OFFLINE_REVOCATION",
                "0x80000000"
            ]
        );
    }

    #[test]
    fn a_name_mismatch_is_reported_only_for_a_good_chain() {
        assert_eq!(
            policy_error(TrustStatus::none(), false),
            "CERT_E_CN_NO_MATCH"
        );
        assert_eq!(
            policy_error(TrustStatus::IS_NOT_TIME_VALID, false),
            "CERT_E_EXPIRED"
        );
        assert_eq!(policy_error(TrustStatus::none(), true), "0");
    }
}
