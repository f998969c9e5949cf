//! What several checks ask for, asked once a run.

use std::sync::Arc;

use mops_clients::arm::{Permission, Size, Usage};
use mops_core::Error;
use tokio::sync::OnceCell;

use super::Look;
use super::layout::Region;
use crate::services::{Shared, cell};

/// Answers by what was asked.
#[derive(Default)]
pub(super) struct Facts {
    sizes: Shared<Arc<Vec<Size>>>,
    usages: Shared<Arc<Vec<Usage>>>,
    permissions: Shared<Arc<Vec<Permission>>>,
}

impl Region {
    fn key(&self) -> String {
        format!("{}/{}", self.subscription.to_ascii_lowercase(), self.location)
    }
}

impl Look<'_> {
    /// The sizes of a region.
    pub(super) async fn sizes(&self, region: &Region) -> Result<Arc<Vec<Size>>, Error> {
        let cell: Arc<OnceCell<_>> = cell(&self.facts.sizes, &region.key());
        let ask = || async { Ok(Arc::new(self.arm()?.sizes(&region.subscription, &region.location).await?)) };
        cell.get_or_try_init(ask).await.cloned()
    }

    /// The quota of a region.
    pub(super) async fn usages(&self, region: &Region) -> Result<Arc<Vec<Usage>>, Error> {
        let cell: Arc<OnceCell<_>> = cell(&self.facts.usages, &region.key());
        let ask = || async { Ok(Arc::new(self.arm()?.usages(&region.subscription, &region.location).await?)) };
        cell.get_or_try_init(ask).await.cloned()
    }

    /// What our roles give at a scope.
    pub(super) async fn permissions(&self, scope: &str) -> Result<Arc<Vec<Permission>>, Error> {
        let cell: Arc<OnceCell<_>> = cell(&self.facts.permissions, &scope.to_ascii_lowercase());
        let ask = || async { Ok(Arc::new(self.arm()?.permissions(scope).await?)) };
        cell.get_or_try_init(ask).await.cloned()
    }
}
