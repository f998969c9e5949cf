//! The texts by which the protocol marks what JSON cannot say.

/// The key that makes an object something else than an object.
pub(super) const KEY: &str = "4dabf18193072939515e22adb298388d";
/// A secret: `value`.
pub(super) const SECRET: &str = "1b47061264138c4ac30d75fd1eb44270";
/// Another resource: `urn`, and `id` for one that a provider made.
pub(super) const RESOURCE: &str = "5cf8f73096256a8f31e491e813e4eb8e";
/// A value with secrecy and dependencies: `value` (absent: unknown), `secret`.
pub(super) const OUTPUT: &str = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
/// A file.
pub(super) const ASSET: &str = "c44067f5952c0a294b673a41bacd8c17";
/// A folder.
pub(super) const ARCHIVE: &str = "0def7320c3a5731c473e5ecbe6d01bc7";
/// Bytes; sent only to those who asked for them.
pub(super) const BYTES: &str = "803fd3297a5875dc03ca845dda5d2a98";

/// What we send for a value that is only known later: the form of a text.
pub(crate) const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/// Every form of it; any may stand where another kind was expected.
const UNKNOWNS: [&str; 7] = [
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    UNKNOWN,
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
];

/// Whether a text stands for a value that is only known later.
pub(super) fn is_unknown(text: &str) -> bool {
    UNKNOWNS.contains(&text)
}
