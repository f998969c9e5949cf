//! Text on its way into a page. A [`Markup`] is made of a template of ours and of escaped text only, so that no
//! value can become an element, an attribute or a script (`tests::a_value_stays_text`).

/// Written over what could turn the reading direction, and over what no document may hold.
const HIDDEN: char = char::REPLACEMENT_CHARACTER;

/// A piece of a page that is safe to insert.
#[derive(Clone, Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// A value, escaped for text and for attributes.
    pub(super) fn text(value: &str) -> Self {
        let mut escaped = String::with_capacity(value.len());
        for c in value.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                '\n' | '\t' => escaped.push(c),
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push(HIDDEN),
                c if c.is_control() => escaped.push(HIDDEN),
                c => escaped.push(c),
            }
        }
        Self(escaped)
    }

    /// A sentence: what stands between backticks is a name, and set as one.
    pub(super) fn sentence(value: &str) -> Self {
        let escaped = Self::text(value).0;
        let mut parts = escaped.split('`');
        let mut set = parts.next().unwrap_or_default().to_owned();
        while let Some(name) = parts.next() {
            match parts.next() {
                Some(after) => set.push_str(&format!("<code>{name}</code>{after}")),
                None => set.push_str(&format!("`{name}")),
            }
        }
        Self(set)
    }

    /// A file of ours, as it is.
    pub(super) fn file(content: &'static str) -> Self {
        Self(content.to_owned())
    }

    /// A template with its `{{names}}` filled in; a name without a value leaves nothing.
    pub(super) fn fill(template: &'static str, values: &[(&str, Self)]) -> Self {
        let mut filled = String::with_capacity(template.len() * 2);
        let mut rest = template.trim_end();
        while let Some((before, (name, after))) =
            rest.split_once("{{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
        {
            filled.push_str(before);
            if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
                filled.push_str(&value.0);
            }
            rest = after;
        }
        filled.push_str(rest);
        Self(filled)
    }

    /// As a document.
    pub(super) fn into_page(self) -> String {
        self.0 + "\n"
    }
}

impl FromIterator<Self> for Markup {
    fn from_iter<I: IntoIterator<Item = Self>>(pieces: I) -> Self {
        let mut all = String::new();
        pieces.into_iter().for_each(|piece| all.push_str(&piece.0));
        Self(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_text() {
        let hostile = "<script>alert(1)</script>\" onload='x' & \u{202e}\u{0}{{b}}";
        let page =
            Markup::fill("<p title=\"{{a}}\">{{a}}</p>", &[("a", Markup::text(hostile)), ("b", Markup::text("no"))]);
        let text = page.into_page();
        let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp; \u{fffd}\u{fffd}{{b}}";
        assert_eq!(text, format!("<p title=\"{escaped}\">{escaped}</p>\n"));
    }

    #[test]
    fn names_in_a_sentence_are_set_as_names() {
        let rows = [
            ("`a` is not `<b>`", "<code>a</code> is not <code>&lt;b&gt;</code>"),
            ("no name", "no name"),
            ("one ` alone", "one ` alone"),
            ("`a` and `", "<code>a</code> and `"),
            ("", ""),
        ];
        for (sentence, want) in rows {
            assert_eq!(Markup::sentence(sentence).0, want);
        }
    }

    #[test]
    fn a_template_is_filled_once_and_keeps_what_is_no_name() {
        let filled = Markup::fill("{{a}}-{{none}}-{{a}} {{", &[("a", Markup::text("1"))]);
        assert_eq!(filled.into_page(), "1--1 {{\n");
    }
}
