//! Signatures for blobs by the identity of the run, so that no account key has a part in them. The text that is signed
//! has changed with two versions of the service: Microsoft's own crate writes it (`tests::golden_vector`, made with
//! azure-storage-blob 12.31.1).

use azure_core::http::StatusCode;
use azure_storage_common::models::UserDelegationKey;
use azure_storage_sas::{SasBuilder, SasProtocol};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::{Cancel, Error, Secret};
use mops_wire::blob::{BlobError, DelegationKey, delegation_key};
use mops_wire::{Http, Url};
use time::OffsetDateTime;

use crate::error::ClientError;
use crate::identity::Chosen;

/// The scope of a token for the data of storage accounts, the same in every cloud.
pub const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";
/// Letters that such a signature may have, in the order in which the service signs them.
pub const DELEGATED_LETTERS: &str = "racwdxyltmeopi";

/// What is signed.
#[derive(Clone, Debug)]
pub struct DelegatedSas<'a> {
    /// The account.
    pub account: &'a str,
    /// The container.
    pub container: &'a str,
    /// Letters of [`DELEGATED_LETTERS`].
    pub permissions: &'a str,
    /// Not before.
    pub start: OffsetDateTime,
    /// Not after; at most seven days after `start`.
    pub expiry: OffsetDateTime,
}

/// Signs for a container with a key of the identity, which is fetched for this signature and not kept.
///
/// # Errors
/// When signing in fails, or the identity may not sign for blobs: the message names the roles.
pub async fn delegated_sas(
    chosen: &Chosen,
    http: &Http,
    endpoint: &Url,
    wanted: &DelegatedSas<'_>,
    cancel: &Cancel,
) -> Result<Secret<String>, Error> {
    let token = chosen.token(STORAGE_SCOPE).await?;
    let key = delegation_key(http, endpoint, &token, (wanted.start, wanted.expiry), cancel).await;
    let key = key.map_err(|error| refused(error, wanted.account))?;
    Ok(sign(wanted, &key)?)
}

fn refused(error: BlobError, account: &str) -> Error {
    let forbidden = error.refusal().is_some_and(|refusal| refusal.status == u16::from(StatusCode::Forbidden));
    let error = Error::from(error);
    if forbidden {
        error.hint(format!(
            "give the identity the roles Storage Blob Delegator and Storage Blob Data Reader on storage account `{account}`"
        ))
    } else {
        error
    }
}

fn sign(wanted: &DelegatedSas<'_>, key: &DelegationKey) -> Result<Secret<String>, ClientError> {
    let unreadable = |field| ClientError::Unreadable { what: "Get User Delegation Key", field };
    let value = STANDARD.decode(key.value.expose()).map_err(|_| unreadable("Value"))?;
    let key = UserDelegationKey {
        signed_oid: Some(key.object.clone()),
        signed_tid: Some(key.tenant.clone()),
        signed_start: Some(key.start),
        signed_expiry: Some(key.expiry),
        signed_service: Some(key.service.clone()),
        signed_version: Some(key.version.clone()),
        value: Some(value),
        ..UserDelegationKey::default()
    };
    let builder = SasBuilder::new(wanted.account, &key, wanted.expiry).map_err(|_| unreadable("SignedOid"))?;
    let start = builder.start(wanted.start).protocol(SasProtocol::Https).container(wanted.container);
    let signed = wanted.permissions.chars().fold(start, |sas, letter| match letter {
        'r' => sas.read(),
        'a' => sas.add(),
        'c' => sas.create(),
        'w' => sas.write(),
        'd' => sas.delete(),
        'x' => sas.delete_version(),
        'y' => sas.permanent_delete(),
        'l' => sas.list(),
        't' => sas.tags(),
        'm' => sas.move_blob(),
        'e' => sas.execute(),
        'o' => sas.ownership(),
        'p' => sas.permissions(),
        'i' => sas.set_immutability_policy(),
        _ => sas,
    });
    Ok(Secret::new(signed.build()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use time::macros::datetime;

    fn key() -> DelegationKey {
        DelegationKey {
            object: "11111111-2222-3333-4444-555555555555".into(),
            tenant: "66666666-7777-8888-9999-000000000000".into(),
            start: datetime!(2026-11-24 08:00 UTC),
            expiry: datetime!(2026-11-30 08:00 UTC),
            service: "b".into(),
            version: "2022-11-02".into(),
            value: Secret::new(STANDARD.encode((0..64).collect::<Vec<u8>>())),
        }
    }

    fn wanted(permissions: &str) -> DelegatedSas<'_> {
        let (start, expiry) = (datetime!(2026-11-24 08:00 UTC), datetime!(2026-11-30 09:00 +1));
        DelegatedSas { account: "devacct", container: "data", permissions, start, expiry }
    }

    fn query(token: &Secret<String>) -> BTreeMap<String, String> {
        Url::parse(&format!("https://a.b/?{}", token.expose())).unwrap().query_pairs().into_owned().collect()
    }

    #[test]
    fn golden_vector() {
        let vector: serde_json::Value = serde_json::from_str(include_str!("delegation/vector.json")).unwrap();
        let ours = query(&sign(&wanted("lr"), &key()).unwrap());
        assert_eq!(serde_json::json!(ours), vector["query"]);
    }

    #[test]
    fn every_letter_is_signed_in_the_services_order() {
        let backwards: String = DELEGATED_LETTERS.chars().rev().collect();
        assert_eq!(query(&sign(&wanted(&backwards), &key()).unwrap())["sp"], DELEGATED_LETTERS);
    }

    #[test]
    fn a_key_that_is_none_signs_nothing() {
        let key = DelegationKey { value: Secret::from("canary!"), ..key() };
        let error = sign(&wanted("r"), &key).unwrap_err().to_string();
        assert!(error.contains("`Value`") && !error.contains("canary"), "{error}");
    }
}
