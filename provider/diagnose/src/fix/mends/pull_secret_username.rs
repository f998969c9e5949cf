//! NGC's one user name, with the key that stands there.

use mops_probe::dockerconfig::Login;
use mops_probe::keys::{NGC_HOST, NGC_USER};

use super::{Layer, Mend, pull_secret_login};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::ground::Ground;
use crate::fix::secret;

pub(super) const MEND: Mend = Mend { cause: "PULL_SECRET_USERNAME", layer: Layer::Content, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let found = secret::of(finding, ground)?;
    let now = secret::pull_login(found, NGC_HOST).ok_or("it holds no key for NGC any more")?;
    let login = Login { username: NGC_USER.to_owned(), password: now.password };
    Ok(pull_secret_login::rewritten(found, NGC_HOST, &login).into_iter().collect())
}
