//! Vectors of `azure-storage-blob` 12.31.1 for Python, made with this key and these times at service
//! version 2022-11-02; signatures are compared after percent-decoding.

use super::*;

const KEY: &str = "bW9wcyBnb2xkZW4gdmVjdG9yIGtleSAwMTIzNDU2Nzg5";

fn terms(scope: Scope, permissions: &str) -> Terms {
    Terms {
        account: "vectoracct".into(),
        scope,
        permissions: permissions.into(),
        start: Some("2026-01-02T03:04:05Z".into()),
        expiry: "2026-04-02T03:04:05Z".into(),
        policy: None,
        disposition: None,
    }
}

fn sig(terms: &Terms) -> String {
    let query = terms.sign(&Secret::from(KEY)).unwrap();
    let sig = query.expose().rsplit_once("sig=").unwrap().1.to_owned();
    percent_decode_str(&sig).decode_utf8().unwrap().into_owned()
}

#[test]
fn signatures_match_the_official_sdk() {
    let container = || Scope::Container("bundle-blobs".into());
    let policy = Terms { start: None, policy: Some("pol-1".into()), ..terms(container(), "rl") };
    let blob = Terms {
        disposition: Some("attachment; filename=\"x y\"".into()),
        ..terms(Scope::Blob("results".into(), "dir/a bl\u{f6}b.txt".into()), "wrc")
    };
    let rows = [
        ("account", terms(Scope::Account, "lr"), "QThIBwBymun9EXY8DorI/HW5WXfXMX6tUpjB3uKXDDM="),
        ("container", terms(container(), "lr"), "504/3sJ8qve2JKtvQwvEEsGoo0QuBqetRjMmClYNang="),
        ("container with policy", policy, "9+Q8XrllHayunpxWOmQx+FQ/16N+5lATLn/IMkH7mDI="),
        ("blob", blob, "/pRIqpKm6lwp2tCX3x1cSwWVe/ctSMphCinjYQbDAd4="),
    ];
    for (row, terms, want) in rows {
        assert_eq!(sig(&terms), want, "{row}");
    }
}

#[test]
fn every_signed_field_is_in_the_query() {
    let query = terms(Scope::Container("a".into()), "rl").sign(&Secret::from(KEY)).unwrap();
    let shown = describe(&query);
    assert_eq!(shown.sp.as_deref(), Some("rl"));
    assert_eq!(shown.se.as_deref(), Some("2026-04-02T03:04:05Z"));
    assert_eq!((shown.sr.as_deref(), shown.sv.as_deref(), shown.signed), (Some("c"), Some(VERSION), true));
    assert!(query.expose().contains("se=2026-04-02T03%3A04%3A05Z"));
    assert!(!format!("{shown:?} {query:?}").contains("sig="));
}

#[test]
fn unknown_letters_and_bad_keys_are_refused() {
    let bad = terms(Scope::Account, "rZ");
    assert_eq!(bad.sign(&Secret::from(KEY)).unwrap_err(), SasError::Permission('Z'));
    let key = terms(Scope::Account, "r").sign(&Secret::from("not base64!")).unwrap_err();
    assert_eq!(key, SasError::Key);
}
