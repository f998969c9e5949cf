//! Where ACR, and so the fake, answers otherwise than docker-registry; each with what vouches for it.
//! That ACR sends a client on to a storage account for a blob is asked of docker-registry alone (`basic`): the fake has
//! no second host to send to, and what a client does with a redirect does not depend on who sent it.

use mops_tests::evidence::Evidence;

use crate::referee::{Difference, Place};

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "ACR takes the admin user as Basic at the data routes too",
        evidence: Evidence::Spec("containerregistry data plane 2021-07-01: registry_auth"),
        places: &[Place {
            chapter: "who are you",
            question: "> GET /v2/ [Basic, right]",
            real: "< 401\n< content-type: application/json; charset=utf-8\n\
                   < docker-distribution-api-version: registry/2.0\n\
                   < www-authenticate: Bearer realm=\"https://modelopsdevacr.azurecr.io/oauth2/token\",\
                   service=\"modelopsdevacr.azurecr.io\"\n< errors UNAUTHORIZED",
            fake: "< 200\n< content-type: application/json; charset=utf-8\n\
                   < docker-distribution-api-version: registry/2.0\n< json {}",
        }],
    },
    Difference {
        name: "ACR answers an address that means nothing in the form of its errors",
        evidence: Evidence::Recording("acr-login-dataplane-exchange-token", 23),
        places: &[
            nothing("> GET /v2/nothing [repository:team/worker:pull,push]"),
            nothing("> GET /v2/Upper/tags/list [repository:team/worker:pull,push]"),
            nothing("> GET /v2/team/worker/manifests/-1 [repository:team/worker:pull,push]"),
        ],
    },
    Difference {
        name: "docker-registry 2.8.2 announces more bytes than it sends for a part that is not there",
        evidence: Evidence::Spec("RFC 9110 section 15.5.17"),
        places: &[Place {
            chapter: "a blob, whole and in part",
            question: "> range: bytes=99999-",
            real: "< the answer breaks off",
            fake: "< 416\n< accept-ranges: bytes\n< content-range: bytes */311\n< docker-content-digest: A-CONFIG\n\
                   < docker-distribution-api-version: registry/2.0\n< etag: \"A-CONFIG\"",
        }],
    },
    Difference {
        name: "docker-registry 2.8.2 has no pages of tags",
        evidence: Evidence::Spec("OCI distribution 1.1: listing tags; ACR's pages have at most 1000"),
        places: &[
            Place {
                chapter: TAGS,
                question: "> GET /v2/team/worker/tags/list?n=1 [repository:team/worker:pull]",
                real: ALL,
                fake: "< link: </v2/team/worker/tags/list?last=1&n=1>; rel=\"next\"\n\
                       < json {\"name\":\"team/worker\",\"tags\":[\"1\"]}",
            },
            Place {
                chapter: TAGS,
                question: "> GET /v2/team/worker/tags/list?n=1&last=1 [repository:team/worker:pull]",
                real: ALL,
                fake: "< link: </v2/team/worker/tags/list?last=again&n=1>; rel=\"next\"\n\
                       < json {\"name\":\"team/worker\",\"tags\":[\"again\"]}",
            },
            Place {
                chapter: TAGS,
                question: "> GET /v2/team/worker/tags/list?last=again [repository:team/worker:pull]",
                real: ALL,
                fake: "< json {\"name\":\"team/worker\",\"tags\":[\"all\"]}",
            },
        ],
    },
];

const TAGS: &str = "tags in pages";
const ALL: &str = "< json {\"name\":\"team/worker\",\"tags\":[\"1\",\"again\",\"all\"]}";

const fn nothing(question: &'static str) -> Place {
    Place {
        chapter: "addresses that mean nothing",
        question,
        real: "< content-type: text/plain; charset=utf-8\n< docker-distribution-api-version: registry/2.0\n\
               < text 404 page not found",
        fake: "< content-type: application/json; charset=utf-8\n< docker-distribution-api-version: registry/2.0\n\
               < errors OPERATION_UNKNOWN",
    }
}
