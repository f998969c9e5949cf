//! Texts with a rule: names of Azure and Kubernetes, versions, sizes. Each rule stands here once, with the words in
//! which it is told and the pattern that editors use.

use std::ops::Deref;

use mops_core::grammar::{is_dns_label, is_label_key, is_label_value, is_node_share};
use serde_json::{Value as Json, json};

use super::reader::{Context, Read};
use super::tree::{Node, clip};

/// How a rule is told.
struct Rule {
    holds: fn(&str) -> bool,
    pattern: &'static str,
    words: &'static str,
    example: &'static str,
}

impl Rule {
    /// What was probably meant: the text in the spelling that the rule takes, if a small change does it.
    fn repaired(&self, text: &str) -> Option<String> {
        let lower = text.trim().to_lowercase();
        let only =
            |keep: &[char]| lower.chars().filter(|c| c.is_ascii_alphanumeric() || keep.contains(c)).collect::<String>();
        let bare = text.trim().trim_start_matches("https://").trim_start_matches("http://").to_owned();
        let dashes = lower.replace(['_', '.', ' '], "-");
        [text.trim().to_owned(), lower.clone(), bare, dashes, only(&['-']), only(&[])]
            .into_iter()
            .find(|candidate| candidate.len() > 1 && (self.holds)(candidate))
    }
}

fn read(node: &Node, cx: &mut Context, rule: &Rule) -> Option<String> {
    let (text, _) = cx.scalar(node, "a text")?;
    if (rule.holds)(text) {
        return Some(text.to_owned());
    }
    let name = cx.name();
    let hint = match rule.repaired(text) {
        Some(better) => format!("write for example `{}`", clip(&better)),
        None => format!("write for example `{}`", rule.example),
    };
    cx.error(&node.place, format!("{name} is `{}`; {}", clip(text), rule.words), hint);
    None
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident: $holds:expr, $pattern:literal, $words:literal, $example:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            const RULE: Rule = Rule { holds: $holds, pattern: $pattern, words: $words, example: $example };

            /// Takes a text that was built by us; `None` when it breaks the rule.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                (Self::RULE.holds)(&text).then_some(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Read for $name {
            fn read(node: &Node, cx: &mut Context) -> Option<Self> {
                read(node, cx, &Self::RULE).map(Self)
            }
            fn schema() -> Json {
                json!({"type": "string", "pattern": Self::RULE.pattern})
            }
        }
    )+};
}

const fn lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn within(text: &str, low: usize, high: usize) -> bool {
    (low..=high).contains(&text.len())
}

/// Letters, digits and inner characters of `inner`; alphanumeric at both ends.
fn framed(text: &str, letter: fn(char) -> bool, inner: &[char]) -> bool {
    text.chars().all(|c| letter(c) || inner.contains(&c)) && text.starts_with(letter) && text.ends_with(letter)
}

fn alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

fn project(text: &str) -> bool {
    within(text, 1, 30)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| lower(c) || c == '-')
}

pub(super) fn guid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

fn resource_group(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    (1..=90).contains(&text.chars().count()) && text.chars().all(allowed) && !text.ends_with('.')
}

fn version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    matches!(parts.len(), 2 | 3)
        && parts.iter().all(|p| within(p, 1, 4) && p.bytes().all(|b| b.is_ascii_digit()))
        && parts.iter().all(|p| *p == "0" || !p.starts_with('0'))
}

fn pool(text: &str) -> bool {
    within(text, 1, 12) && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(lower)
}

fn container(text: &str) -> bool {
    within(text, 3, 63) && framed(text, lower, &['-']) && !text.contains("--")
}

fn permissions(text: &str) -> bool {
    let mut seen: Vec<char> = text.chars().collect();
    seen.sort_unstable();
    seen.dedup();
    !text.is_empty() && seen.len() == text.len() && text.chars().all(|c| "racwdxyltfmeopiu".contains(c))
}

fn policy_name(text: &str) -> bool {
    within(text, 1, 64) && text.chars().all(|c| alphanumeric(c) || matches!(c, '.' | '_' | '-'))
}

fn variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && within(text, 1, 128)
}

fn username(text: &str) -> bool {
    within(text, 1, 64) && framed(text, alphanumeric, &['-', '_', '.'])
}

fn arm_id(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    parts.len() >= 5
        && parts.len() % 2 == 1
        && parts[0].is_empty()
        && parts[1] == "subscriptions"
        && guid(parts[2])
        && parts[1..].iter().all(|p| !p.is_empty())
}

fn subnet_id(text: &str) -> bool {
    let kind = text.to_ascii_lowercase();
    let mut parts = kind.split('/').skip(3);
    let is = |part: Option<&str>, wanted: &str| part == Some(wanted);
    arm_id(text)
        && is(parts.next(), "resourcegroups")
        && is(parts.nth(1), "providers")
        && is(parts.next(), "microsoft.network")
        && is(parts.next(), "virtualnetworks")
        && is(parts.nth(1), "subnets")
        && parts.count() == 1
}

fn https(text: &str) -> bool {
    let host = text.strip_prefix("https://").unwrap_or_default();
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c))
}

fn host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    within(name, 1, 253)
        && framed(name, alphanumeric, &['-', '.'])
        && !name.contains("..")
        && port.parse::<u16>().is_ok_and(|p| p > 0)
}

fn quantity(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let number = |d: &str| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit());
    let well = match digits.split_once('.') {
        Some((whole, part)) => number(whole) && number(part),
        None => number(digits),
    };
    well && within(text, 1, 32) && ["", "m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi"].contains(&unit)
}

fn image(text: &str) -> bool {
    within(text, 1, 512)
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && !text.contains("://")
}

fn size(text: &str) -> bool {
    within(text, 2, 64) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && text.contains('_')
}

fn location(text: &str) -> bool {
    within(text, 2, 64) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ')
}

rules! {
    /// Name of a project.
    ProjectName: project, "^[a-z][a-z0-9-]{0,29}$", "a project is 1 to 30 lower-case letters, digits and `-`, a letter first", "modelops";
    /// Name of an environment, which is the name of the stack.
    EnvironmentName: project, "^[a-z][a-z0-9-]{0,29}$", "an environment is 1 to 30 lower-case letters, digits and `-`, a letter first", "dev";
    /// A GUID: tenant, application.
    Guid: guid, "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", "it must be a GUID such as 8a7b2c3d-1111-2222-3333-444455556666", "8a7b2c3d-1111-2222-3333-444455556666";
    /// Name of a resource group.
    ResourceGroupName: resource_group, "^[-\\w._()]{1,90}$", "Azure takes 1 to 90 letters, digits, `-`, `_`, `.`, `(` and `)`, not ending with `.`", "modelops-dev-rg";
    /// A user's name, part of names that the original derived.
    UserName: username, "^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$", "a user name is letters, digits, `-`, `_` and `.`, up to 64", "ada";
    /// Region of Azure.
    Location: location, "^[A-Za-z0-9 ]{2,64}$", "a location is a region such as `eastus2`", "eastus2";
    /// Name of an Azure container registry.
    RegistryName: |t| within(t, 5, 50) && t.chars().all(lower), "^[a-z0-9]{5,50}$", "an Azure registry has 5 to 50 lower-case letters and digits", "modelopsdevacr";
    /// Name of a cluster.
    ClusterName: |t| within(t, 1, 63) && framed(t, alphanumeric, &['-', '_']), "^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$", "a cluster has 1 to 63 letters, digits, `-` and `_`, alphanumeric at both ends", "modelops-dev-aks";
    /// Version of Kubernetes.
    Version: version, "^[0-9]+\\.[0-9]+(\\.[0-9]+)?$", "a version is MAJOR.MINOR or MAJOR.MINOR.PATCH in quotes", "1.33";
    /// Name of a node pool; the rule is that of AKS, stricter than the original's.
    PoolName: pool, "^[a-z][a-z0-9]{0,11}$", "AKS takes 1 to 12 lower-case letters and digits, a letter first", "gpu";
    /// Size of a virtual machine.
    VmSize: size, "^[A-Za-z0-9_]{2,64}$", "a size is a name such as `Standard_D4s_v5`", "Standard_D4s_v5";
    /// Nodes while a pool is renewed.
    NodeShare: is_node_share, "^([0-9]{1,3}|1000|[0-9]{1,2}%|100%)$", "it is a number of nodes, or a share such as `33%`", "33%";
    /// Key of a label.
    LabelKey: is_label_key, "^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", "a label key is up to 63 letters, digits, `-`, `_` and `.`, with an optional `domain/` before", "modelops.io/role";
    /// Value of a label.
    LabelValue: is_label_value, "^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$", "a label value is up to 63 letters, digits, `-`, `_` and `.`, alphanumeric at both ends", "gpu";
    /// Name of a storage account.
    AccountName: |t| within(t, 3, 24) && t.chars().all(lower), "^[a-z0-9]{3,24}$", "a storage account has 3 to 24 lower-case letters and digits", "modelopsdevstore";
    /// Name of a blob container.
    ContainerName: container, "^[a-z0-9](-?[a-z0-9]){2,62}$", "a container has 3 to 63 lower-case letters, digits and single `-`, alphanumeric at both ends", "bundle-blobs";
    /// Letters of an SAS.
    Permissions: permissions, "^[racwdxyltfmeopiu]+$", "permissions are letters of `racwdxyltfmeopiu`, each once: `rl` reads and lists", "rl";
    /// Name of a stored policy of a container.
    PolicyName: policy_name, "^[A-Za-z0-9._-]{1,64}$", "a stored policy has up to 64 letters, digits, `.`, `_` and `-`", "readers";
    /// Name of an environment variable.
    VariableName: variable, "^[A-Za-z_][A-Za-z0-9_]*$", "a variable is letters, digits and `_`, not a digit first", "RESULTS_CONNECTION_STRING";
    /// Id of an ARM resource.
    ArmId: arm_id, "^/subscriptions/[^/]+(/[^/]+/[^/]+)+$", "an ARM id is `/subscriptions/GUID/resourceGroups/NAME/providers/...`", "/subscriptions/8a7b2c3d-1111-2222-3333-444455556666/resourceGroups/modelops-dev-rg";
    /// Id of a subnet.
    SubnetId: subnet_id, "^/subscriptions/[^/]+/resource[gG]roups/[^/]+/providers/Microsoft.Network/virtualNetworks/[^/]+/subnets/[^/]+$", "a subnet is `/subscriptions/GUID/resourceGroups/NAME/providers/Microsoft.Network/virtualNetworks/NAME/subnets/NAME`", "/subscriptions/8a7b2c3d-1111-2222-3333-444455556666/resourceGroups/network-rg/providers/Microsoft.Network/virtualNetworks/team/subnets/nodes";
    /// An https origin.
    HttpsOrigin: https, "^https://[^/]+$", "it must be `https://HOST` or `https://HOST:PORT`, without a path", "https://management.azure.com";
    /// A host, with a port where it is not 443.
    HostName: host, "^[A-Za-z0-9.-]+(:[0-9]+)?$", "it must be a host name such as `registry.example.com`, without `https://`", "registry.example.com";
    /// Name of an object in a cluster.
    ObjectName: is_dns_label, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "Kubernetes takes 1 to 63 lower-case letters, digits and `-`, alphanumeric at both ends", "modelops-dask-dev";
    /// Amount of a resource.
    Quantity: quantity, "^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$", "an amount is a number with an optional unit: `500m`, `2`, `4Gi`", "500m";
    /// Reference of a container image.
    ImageName: image, "^[A-Za-z0-9][A-Za-z0-9._/:@-]*$", "an image is `HOST/NAME:TAG` without `https://` and without spaces", "registry.example.com/worker:1";
}

/// Every rule's example, for the test that it keeps its own rule.
#[cfg(test)]
macro_rules! examples {
    ($($name:ident)+) => { [$((stringify!($name), &$name::RULE)),+] };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_takes_the_good_and_refuses_the_bad() {
        type Case = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);
        let cases: &[Case] = &[
            (ProjectName::RULE.holds, &["modelops", "a", "a-1"], &["", "1a", "A", "a_b", "-a"]),
            (
                Guid::RULE.holds,
                &["00000000-1111-2222-3333-444444444444"],
                &["", "0000", "g0000000-1111-2222-3333-444444444444"],
            ),
            (ResourceGroupName::RULE.holds, &["a", "rg_1.(x)-y"], &["", "a.", "a b", "a/b"]),
            (RegistryName::RULE.holds, &["abcde", "acr01"], &["abcd", "Abcde", "ab-cde", ""]),
            (ClusterName::RULE.holds, &["a", "modelops-dev-aks", "A_b"], &["", "-a", "a-", "a.b"]),
            (EnvironmentName::RULE.holds, &["dev"], &["this-name-has-more-than-thirty-letters"]),
            (Version::RULE.holds, &["1.33", "1.33.2"], &["1", "1.33.2.1", "v1.33", "1.", "1.03", "latest"]),
            (PoolName::RULE.holds, &["gpu", "a12345678901"], &["", "Gpu", "gpu-1", "1gpu", "a123456789012"]),
            (AccountName::RULE.holds, &["abc", "st0re"], &["ab", "Abc", "a-b", "abcdefghijklmnopqrstuvwxy"]),
            (ContainerName::RULE.holds, &["jobs", "bundle-blobs"], &["ab", "a--b", "-ab", "Jobs"]),
            (Permissions::RULE.holds, &["rl", "racwdl"], &["", "rr", "z", "r l"]),
            (PolicyName::RULE.holds, &["readers", "night-1"], &["", "a b", "ü"]),
            (VariableName::RULE.holds, &["A", "_x1"], &["", "1A", "A-B", "A B"]),
            (
                ArmId::RULE.holds,
                &["/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg"],
                &["", "/subscriptions/x", "rg"],
            ),
            (
                SubnetId::RULE.holds,
                &[
                    "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s",
                ],
                &[
                    "",
                    "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v",
                ],
            ),
            (HttpsOrigin::RULE.holds, &["https://127.0.0.1:1", "https://a.b"], &["http://a", "https://a/b", "a"]),
            (HostName::RULE.holds, &["docker.io", "localhost:5000"], &["https://x", "", "a b", "a:0", "a..b"]),
            (Quantity::RULE.holds, &["1", "500m", "1.5", "4Gi"], &["", "x", "1.", "4 Gi", "4gb", "-1"]),
            (ImageName::RULE.holds, &["a", "h.io/x:1", "h:5000/x@sha256:ab"], &["", "a b", "https://a/b", "a:", "/a"]),
            (LabelKey::RULE.holds, &["a", "modelops.io/role"], &["", "a/b/c", "-a", "A/b"]),
            (LabelValue::RULE.holds, &["", "gpu", "A.b_c"], &["-a", "a b"]),
            (NodeShare::RULE.holds, &["0", "1", "33%", "100%"], &["", "%", "101%", "-1", "1.5", "a"]),
            (VmSize::RULE.holds, &["Standard_B2s"], &["", "B2", "Standard B2s"]),
            (Location::RULE.holds, &["eastus2", "East US 2"], &["", "east-us"]),
            (UserName::RULE.holds, &["ada", "a.b"], &["", "a b", "-a"]),
            (ObjectName::RULE.holds, &["a", "modelops-dask-dev"], &["", "A", "a.b", "-a"]),
        ];
        for (i, (holds, good, bad)) in cases.iter().enumerate() {
            good.iter().for_each(|t| assert!(holds(t), "rule {i}: {t}"));
            bad.iter().for_each(|t| assert!(!holds(t), "rule {i}: {t}"));
        }
    }

    #[test]
    fn examples_keep_their_rule_and_slips_are_repaired() {
        let all = examples!(ProjectName EnvironmentName Guid ResourceGroupName UserName Location RegistryName ClusterName
            Version PoolName VmSize NodeShare LabelKey LabelValue AccountName ContainerName Permissions PolicyName
            VariableName ArmId SubnetId
            HttpsOrigin HostName ObjectName Quantity ImageName);
        for (name, rule) in all {
            assert!((rule.holds)(rule.example), "{name}");
        }
        let repaired = |rule: &Rule, text: &str| rule.repaired(text);
        assert_eq!(repaired(&PoolName::RULE, "Gpu-1").as_deref(), Some("gpu1"));
        assert_eq!(repaired(&RegistryName::RULE, "My-ACR").as_deref(), Some("myacr"));
        assert_eq!(repaired(&ImageName::RULE, "https://r.io/x:1").as_deref(), Some("r.io/x:1"));
        assert_eq!(repaired(&ObjectName::RULE, "Team_A").as_deref(), Some("team-a"));
        assert_eq!(repaired(&PoolName::RULE, "???"), None);
    }
}
