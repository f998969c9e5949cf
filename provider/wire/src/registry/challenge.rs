//! `WWW-Authenticate`, read strictly and within limits.
//!
//! Guarantees that nothing but one clear challenge is acted on: doubled parameters, two Bearer
//! challenges, odd characters and endless lists are refused, never guessed (`tests`, R11, R14).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

const MAX_BYTES: usize = 8 << 10;
const MAX_CHALLENGES: usize = 8;
const MAX_PARAMETERS: usize = 16;

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User name and password.
    Basic,
    /// A token from a realm.
    Bearer {
        /// Where tokens are given, as written; judged by the realm policy before use.
        realm: String,
        /// The name that the realm knows the registry by.
        service: Option<String>,
        /// What the token is for.
        scope: Option<String>,
        /// Why the token that was sent was refused.
        error: Option<String>,
    },
}

/// Why a challenge is not acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// It is longer, or has more parts, than any real one.
    #[error("it is too long")]
    TooLong,
    /// It breaks the grammar.
    #[error("it cannot be read")]
    Malformed,
    /// A parameter stands twice.
    #[error("a parameter stands twice in it")]
    Doubled,
    /// Two Bearer challenges.
    #[error("it offers two realms")]
    Ambiguous,
    /// A Bearer challenge without a realm.
    #[error("it names no realm")]
    NoRealm,
    /// There is none.
    #[error("it does not say how")]
    Missing,
    /// There are only schemes that we do not speak.
    #[error("it offers neither Basic nor Bearer")]
    Unsupported,
}

#[derive(Debug)]
struct Raw {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The one challenge of an answer; Bearer before Basic.
    ///
    /// # Errors
    /// See [`ChallengeError`].
    pub fn of(headers: &HeaderMap) -> Result<Self, ChallengeError> {
        let mut found = Vec::new();
        let mut bytes = 0;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let text = value.to_str().map_err(|_| ChallengeError::Malformed)?;
            bytes += text.len();
            if bytes > MAX_BYTES {
                return Err(ChallengeError::TooLong);
            }
            Reader { rest: text }.list(&mut found)?;
        }
        choose(found)
    }
}

fn choose(found: Vec<Raw>) -> Result<Challenge, ChallengeError> {
    if found.is_empty() {
        return Err(ChallengeError::Missing);
    }
    let is = |raw: &Raw, scheme: &str| raw.scheme.eq_ignore_ascii_case(scheme);
    let basic = found.iter().any(|raw| is(raw, "basic"));
    let mut bearers = found.into_iter().filter(|raw| is(raw, "bearer"));
    match (bearers.next(), bearers.next()) {
        (Some(_), Some(_)) => Err(ChallengeError::Ambiguous),
        (Some(raw), None) => bearer(raw),
        (None, _) if basic => Ok(Challenge::Basic),
        (None, _) => Err(ChallengeError::Unsupported),
    }
}

fn bearer(raw: Raw) -> Result<Challenge, ChallengeError> {
    let (mut realm, mut service, mut scope, mut error) = (None, None, None, None);
    for (name, value) in raw.parameters {
        match name.as_str() {
            "realm" => realm = Some(value),
            "service" => service = Some(value),
            "scope" => scope = Some(value),
            "error" => error = Some(value),
            _ => {}
        }
    }
    Ok(Challenge::Bearer { realm: realm.ok_or(ChallengeError::NoRealm)?, service, scope, error })
}

/// A cursor over one header value.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn list(&mut self, found: &mut Vec<Raw>) -> Result<(), ChallengeError> {
        self.skip_separators();
        while !self.rest.is_empty() {
            let scheme = self.token().ok_or(ChallengeError::Malformed)?;
            if found.len() == MAX_CHALLENGES {
                return Err(ChallengeError::TooLong);
            }
            let parameters = self.parameters()?;
            found.push(Raw { scheme, parameters });
            self.skip_separators();
        }
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<(String, String)>, ChallengeError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        if self.rest.is_empty() || self.rest.starts_with(',') {
            return Ok(parameters);
        }
        if !self.rest.starts_with(' ') {
            return Err(ChallengeError::Malformed);
        }
        self.skip_spaces();
        if self.skip_opaque() {
            return Ok(parameters);
        }
        loop {
            let (name, value) = self.parameter().ok_or(ChallengeError::Malformed)?;
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(ChallengeError::Doubled);
            }
            if parameters.len() == MAX_PARAMETERS {
                return Err(ChallengeError::TooLong);
            }
            parameters.push((name, value));
            self.skip_spaces();
            if !self.rest.is_empty() && !self.rest.starts_with(',') {
                return Err(ChallengeError::Malformed);
            }
            self.skip_separators();
            let next = Self { rest: self.rest }.name_and_equals();
            if next.is_none() {
                return Ok(parameters);
            }
        }
    }

    fn parameter(&mut self) -> Option<(String, String)> {
        let name = self.name_and_equals()?.to_ascii_lowercase();
        let value = if self.rest.starts_with('"') { self.quoted() } else { self.token() };
        Some((name, value?))
    }

    fn name_and_equals(&mut self) -> Option<String> {
        let name = self.token()?;
        self.skip_spaces();
        self.rest = self.rest.strip_prefix('=')?;
        self.skip_spaces();
        Some(name)
    }

    /// Skips the single opaque word that some schemes have in place of parameters.
    fn skip_opaque(&mut self) -> bool {
        let word = self.rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        let rest = word.trim_start_matches('=').trim_start_matches([' ', '\t']);
        let whole = word.len() < self.rest.len() && (rest.is_empty() || rest.starts_with(','));
        if whole {
            self.rest = rest;
        }
        whole
    }

    fn token(&mut self) -> Option<String> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.rest.find(|c| !is_token(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!token.is_empty()).then(|| token.to_owned())
    }

    fn quoted(&mut self) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(chars.next()?.1),
                other => value.push(other),
            }
        }
        None
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn skip_separators(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn read(values: &[&str]) -> Result<Challenge, ChallengeError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        Challenge::of(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>, error: Option<&str>) -> Challenge {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Challenge::Bearer { realm: realm.into(), service: owned(service), scope: owned(scope), error: owned(error) }
    }

    #[test]
    fn real_challenges() {
        let rows = [
            // recorded: ACR
            (
                r#"Bearer realm="https://a.azurecr.io/oauth2/token",service="a.azurecr.io""#,
                bearer("https://a.azurecr.io/oauth2/token", Some("a.azurecr.io"), None, None),
            ),
            // seen: docker-registry 2.8.2
            (
                r#"Bearer realm="https://r/token",service="s",scope="repository:foo:pull",error="insufficient_scope""#,
                bearer("https://r/token", Some("s"), Some("repository:foo:pull"), Some("insufficient_scope")),
            ),
            (r#"Basic realm="test-registry""#, Challenge::Basic),
            ("basic", Challenge::Basic),
            (
                r#"Bearer realm="https://nvcr.io/proxy_auth?scope=repository:o/t/i:pull""#,
                bearer("https://nvcr.io/proxy_auth?scope=repository:o/t/i:pull", None, None, None),
            ),
            (r#"Basic realm="x", Bearer realm="https://r/""#, bearer("https://r/", None, None, None)),
            (r#"Negotiate YWJj==, BEARER Realm = "https://r/" , other=token"#, bearer("https://r/", None, None, None)),
            (r#"Bearer realm="https://r/?a=\"b\",c""#, bearer("https://r/?a=\"b\",c", None, None, None)),
        ];
        for (text, expected) in rows {
            assert_eq!(read(&[text]), Ok(expected), "{text}");
        }
        assert_eq!(read(&["Basic", r#"Bearer realm="https://r/""#]), Ok(bearer("https://r/", None, None, None)));
    }

    #[test]
    fn odd_ones_are_refused() {
        use ChallengeError as E;
        let long = format!("Bearer realm=\"{}\"", "a".repeat(9000));
        let many = "Basic,".repeat(9);
        let parameters = format!("Bearer {}", (0..17).map(|n| format!("a{n}=b,")).collect::<String>());
        let rows: [(&str, E); 14] = [
            ("", E::Missing),
            ("Digest realm=\"x\"", E::Unsupported),
            ("Bearer", E::NoRealm),
            ("Bearer service=\"s\"", E::NoRealm),
            ("Bearer abc", E::NoRealm),
            ("Bearer realm=\"a\",realm=\"b\"", E::Doubled),
            ("Bearer realm=\"a\",REALM=\"a\"", E::Doubled),
            ("Bearer realm=\"a\", Bearer realm=\"b\"", E::Ambiguous),
            ("Bearer realm=\"a", E::Malformed),
            ("Bearer realm=https://a/", E::Malformed),
            ("Bearer realm=\"a\" service=\"b\"", E::Malformed),
            (&long, E::TooLong),
            (&many, E::TooLong),
            (&parameters, E::TooLong),
        ];
        for (text, error) in rows {
            assert_eq!(read(&[text]), Err(error), "{text}");
        }
        assert_eq!(read(&["Bearer realm=\"a\"", "Bearer realm=\"b\""]), Err(E::Ambiguous));
        assert_eq!(read(&[]), Err(E::Missing));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ -~]{0,200}", more in "(Bearer|Basic|realm|=|\"|,| |\\\\|a){0,40}") {
            let _ = read(&[&text]);
            let _ = read(&[&more, &text]);
        }
    }
}
