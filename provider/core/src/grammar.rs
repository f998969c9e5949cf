//! Names, labels and taints as Kubernetes writes them, and shares of nodes. One grammar for stack files and for
//! resources (`tests`).

fn is_inside(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_framed(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&text.len()) && text.chars().all(is_inside) && text.starts_with(edge) && text.ends_with(edge)
}

/// Whether a text is a DNS label: 1 to 63 lower-case letters, digits and `-`, alphanumeric at both ends.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| edge(c) || c == '-')
        && text.starts_with(edge)
        && text.ends_with(edge)
}

/// Whether a text is the key of a label or taint: up to 63 characters, with an optional domain before.
#[must_use]
pub fn is_label_key(text: &str) -> bool {
    let (domain, name) = text.split_once('/').map_or((None, text), |(domain, name)| (Some(domain), name));
    is_framed(name) && domain.is_none_or(|d| d.len() <= 253 && d.split('.').all(is_dns_label))
}

/// Whether a text is the value of a label or taint: empty, or up to 63 characters.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_framed(text)
}

/// Whether a text is a taint, `KEY=VALUE:EFFECT` or `KEY:EFFECT`.
#[must_use]
pub fn is_taint(text: &str) -> bool {
    let Some((pair, effect)) = text.rsplit_once(':') else { return false };
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    is_label_key(key) && is_label_value(value) && matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute")
}

/// Whether a text is a number of nodes up to 1000, or a share of them such as `33%`.
#[must_use]
pub fn is_node_share(text: &str) -> bool {
    let (digits, most) = text.strip_suffix('%').map_or((text, 1000), |digits| (digits, 100));
    digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u32>().is_ok_and(|n| n <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_values_and_taints_follow_the_grammar_of_kubernetes() {
        let long = "a".repeat(64);
        for (text, key, value) in [
            ("a", true, true),
            ("modelops.io/role", true, false),
            ("A.b_c", true, true),
            ("", false, true),
            ("a/b/c", false, false),
            ("-a", false, false),
            ("A/b", false, false),
            ("a b", false, false),
            (long.as_str(), false, false),
        ] {
            assert_eq!((is_label_key(text), is_label_value(text)), (key, value), "{text}");
        }
        for good in ["sku=gpu:NoSchedule", "a.io/b:NoExecute", "k=:PreferNoSchedule"] {
            assert!(is_taint(good), "{good}");
        }
        for bad in ["", "a", "a=b", "a=b:No", "=b:NoSchedule", "a=-b:NoSchedule", "a b:NoSchedule"] {
            assert!(!is_taint(bad), "{bad}");
        }
    }

    #[test]
    fn names_are_dns_labels() {
        for (name, good) in [("a", true), ("a-1", true), ("-a", false), ("A", false), ("a.b", false), ("", false)] {
            assert_eq!(is_dns_label(name), good, "{name}");
        }
        assert!(!is_dns_label(&"a".repeat(64)));
    }
}
