//! What a diagnosis is accepted by, id by id: the worlds that must be told apart, and the tests
//! that hold the rest. Worlds give their causes in `mops-diagnose`; here it is checked that each is there, that those of
//! one promise have different causes, and that every test which is named exists. Prints `promises=… worlds=… tests=…`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeSet;

use crate::workspace::{text, tracked};

/// A promise, the folders of the causes that it tells apart, and the tests that hold it.
type Promise = (&'static str, &'static [&'static str], &'static [&'static str]);

const PROMISES: &[Promise] = &[
    ("B-01", &["K8S_UNREACHABLE", "K8S_CONTEXT_MISSING"], &["without_a_cluster_there_is_a_cause"]),
    ("B-02", &["NO_WORKER_PODS"], &["no_worker_and_no_namespace_are_two_causes"]),
    (
        "B-03",
        &["ENV_MISSING", "ENV_EMPTY"],
        &["what_is_missing_is_observed", "a_variable_that_few_jobs_need_is_a_warning"],
    ),
    ("B-04", &["ENVFROM_MISSING", "ENV_DUPLICATE_SOURCE"], &["a_missing_secret_is_named_by_the_static_reads"]),
    ("B-05", &["ENV_STALE"], &["a_worker_with_old_values_is_told_and_an_untouched_secret_is_not"]),
    (
        "B-06",
        &[
            "REGISTRY_REFUSED",
            "REGISTRY_URL_WRONG",
            "RATE_LIMITED",
            "REGISTRY_UNAVAILABLE",
            "TLS_UNTRUSTED",
            "DNS_NXDOMAIN",
            "SERVICE_UNREACHABLE",
            "HTML_INSTEAD_OF_JSON",
        ],
        &["a_healthy_worker_passes_every_check"],
    ),
    ("B-07", &[], &["registries_with_each_way_to_sign_in_pass", "a_server_whose_keys_are_good_has_nothing_of_ngc"]),
    (
        "B-08",
        &["HTML_INSTEAD_OF_JSON", "REGISTRY_URL_WRONG", "REGISTRY_REFUSED"],
        &["a_page_is_told_with_its_type_its_beginning_and_what_it_means"],
    ),
    (
        "B-09",
        &["ACR_ADMIN_DISABLED", "ACR_PASSWORD_ROTATED", "SECRET_MISSING", "ENVFROM_MISSING", "ACR_TOKEN_EXPIRED"],
        &["a_renewed_password_is_found_when_the_current_one_can_be_tried"],
    ),
    (
        "B-10",
        &["TAG_NOT_FOUND", "REPOSITORY_NOT_FOUND", "ARTIFACT_PERMISSION"],
        &["a_missing_tag_and_a_missing_repository_are_told_apart", "what_is_absent_comes_with_the_names_that_are_near"],
    ),
    (
        "B-11",
        &["SAS_EXPIRED", "SAS_NOT_YET_VALID", "SAS_PERMISSION", "SAS_SCOPE", "CONTAINER_NOT_FOUND", "CLOCK_SKEW"],
        &["an_expired_sas_is_judged_by_the_storages_clock"],
    ),
    (
        "B-12",
        &[],
        &["a_namespace_and_a_kubeconfig_are_enough", "pods_are_chosen_by_name_and_what_is_not_there_is_told"],
    ),
    ("B-13", &[], &["verdict_and_exit_code_come_from_all_checks", "without_a_cluster_there_is_a_cause"]),
    ("B-14", &[], &["every_form_has_the_same_causes_order_and_fixes", "every_report_is_a_log_by_the_official_schema"]),
    ("B-15", &[], &["verdict_and_exit_code_come_from_all_checks"]),
    ("B-16", &[], &["every_suggested_command_is_one_that_mops_knows", "advice_names_only_flags_that_exist"]),
    ("M-01", &[], &["each_world_gives_exactly_the_findings_that_it_declares"]),
    ("M-02", &[], &["every_pool_is_placed_or_named", "every_pool_is_probed_and_nothing_is_left"]),
    ("M-03", &[], &["a_whole_life_leaves_no_secret_anywhere", "no_secret_of_the_environment_is_printed"]),
    (
        "M-05",
        &[],
        &[
            "each_cause_is_mended_in_one_run_and_stays_so",
            "a_change_that_does_not_help_is_taken_back",
            "what_is_only_possible_is_never_mended",
            "what_changes_between_the_last_read_and_the_write_is_not_overwritten",
        ],
    ),
    ("M-08", &[], &["a_fingerprint_stays_when_run_and_pods_are_new", "every_report_is_a_log_by_the_official_schema"]),
    ("B-17", &[], &["every_pool_fetches_what_was_pushed_and_it_is_gone_afterwards"]),
    (
        "B-18",
        &[],
        &[
            "every_pool_fetches_what_was_pushed_and_it_is_gone_afterwards",
            "a_good_image_passes_every_step_within_its_requests",
            "what_only_pods_meet_is_told_by_their_nodes",
        ],
    ),
    (
        "B-19",
        &["POOL_EMPTY"],
        &[
            "every_pool_is_probed_and_nothing_is_left",
            "a_pool_at_zero_gets_a_node_and_is_probed",
            "without_an_autoscaler_nothing_is_made_and_the_change_is_named",
            "a_node_that_does_not_come_is_told_in_the_autoscalers_words",
            "a_quota_is_told_as_azure_says_it_and_ends_the_wait",
            "an_interrupted_scale_up_leaves_nothing",
        ],
    ),
    ("B-20", &[], &["two_runs_at_once_do_not_meet_and_the_plain_tag_is_nobodys"]),
    (
        "B-21",
        &[],
        &[
            "every_pool_is_probed_and_nothing_is_left",
            "a_probe_that_dies_is_not_a_pass",
            "an_interrupted_run_cleans_up",
            "it_ends_by_itself_and_is_not_tried_again",
        ],
    ),
    ("B-22", &[], &["a_registry_that_never_answers_ends_with_the_run"]),
    (
        "B-23",
        &[],
        &[
            "a_worker_without_any_program_is_looked_into_by_a_container_of_ours",
            "without_any_way_the_note_names_what_was_tried_and_the_rest_of_the_run_goes_on",
        ],
    ),
    (
        "B-24",
        &["RBAC_DENIED", "PROBE_POD_DENIED"],
        &[
            "a_missing_right_is_a_note_and_the_run_is_incomplete",
            "without_the_right_no_node_is_looked_from",
            "the_printed_roles_are_what_a_run_uses",
            "it_works_with_the_roles_that_it_prints_and_asks_the_scheduler",
        ],
    ),
    (
        "M-13",
        &["REALM_UNTRUSTED", "HTML_INSTEAD_OF_JSON", "DIGEST_MISMATCH"],
        &[
            "a_hostile_registry_is_one_finding_and_gets_no_login",
            "hostile_registries_get_nothing_sent_elsewhere",
            "the_limit_of_requests_cuts_a_series_and_proves_nothing",
            "a_registry_that_takes_an_invented_login_gets_no_real_one",
            "a_hostile_ngc_is_named_and_gets_no_key",
            "an_old_token_sends_no_key_to_another_realm",
        ],
    ),
    (
        "M-12",
        &["EXPIRES_SOON"],
        &[
            "what_ends_soon_is_named_by_the_length_of_its_life",
            "a_token_is_judged_by_its_end_and_its_switch",
            "certificate_and_token_are_named_before_they_end",
        ],
    ),
    ("M-16", &[], &["a_record_says_what_the_run_said"]),
    ("M-17", &[], &["the_printed_roles_are_what_a_run_uses", "azure_is_asked_for_what_the_printed_role_allows"]),
    ("M-18", &[], &["every_entry_explains_itself"]),
    ("M-D1", &[], &["without_a_cluster_there_is_a_cause"]),
    ("M-D2", &[], &["a_namespace_and_a_kubeconfig_are_enough"]),
    ("M-D3", &["ENV_MISSING", "ENV_EMPTY"], &[]),
    ("M-D4", &[], &["verdict_and_exit_code_come_from_all_checks"]),
    ("M-D5", &[], &["every_suggested_command_is_one_that_mops_knows", "advice_names_only_flags_that_exist"]),
    ("M-D6", &[], &["a_worker_without_any_program_is_looked_into_by_a_container_of_ours"]),
    ("M-D7", &[], &["every_pool_is_placed_or_named", "as_many_nodes_of_a_pool_are_looked_from_as_are_asked_for"]),
    (
        "M-D8",
        &["SCHEDULER_SILENT"],
        &["a_scheduler_that_answers_is_proven_on_both_ports", "a_scheduler_that_does_not_answer_is_a_cause"],
    ),
    ("M-D9", &["ACCOUNT_KEY_EXPOSED"], &["an_account_key_is_refused_before_anything_is_sent"]),
    ("M-D10", &["ENV_DUPLICATE_SOURCE"], &[]),
    ("M-D11", &[], &["a_plain_up_signs_again_inside_the_window_and_not_before"]),
    ("M-D12", &[], &["absent_names_are_derived_and_stable"]),
    ("M-D13", &[], &["a_whole_life_leaves_no_secret_anywhere", "secrets_and_replacements_are_declared"]),
    ("M-D14", &[], &["modes_hold_at_every_umask"]),
    ("M-D15", &[], &["a_preview_lists_every_write_that_up_makes"]),
    ("M-D16", &["SECRET_IN_URL"], &[]),
    ("E-01", &["NGC_LICENSE_NOT_ACCEPTED"], &["only_the_sentence_about_a_licence_is_about_a_licence"]),
    (
        "E-02",
        &["NGC_IMAGE_NOT_FOUND", "KEY_DIFFERS_LOCAL_CLUSTER", "NGC_LICENSE_NOT_ACCEPTED"],
        &[
            "a_wrong_path_is_found_with_the_right_one",
            "a_wrong_path_is_not_blamed_on_the_licence",
            "an_old_key_in_the_cluster_is_not_blamed_on_path_or_licence",
            "a_key_that_was_renewed_here_and_not_in_the_cluster_is_named",
        ],
    ),
    (
        "E-03",
        &[
            "NGC_KEY_INVALID_OR_EXPIRED",
            "NGC_SUBSCRIPTION_REQUIRED",
            "NGC_IMAGE_NOT_FOUND",
            "NGC_NOT_ENTITLED",
            "NGC_LEGAL_RESTRICTION",
        ],
        &["five_refusals_of_ngc_are_five_causes", "what_ngc_refuses_is_five_causes_in_a_run"],
    ),
    ("E-04", &["NGC_LOGIN_HARMFUL"], &["a_login_that_spoils_a_public_image_is_named"]),
    (
        "E-05",
        &["NGC_MODEL_KEY_REFUSED", "NGC_KEY_INVALID_OR_EXPIRED"],
        &["a_shut_gate_is_named_and_the_open_one_is_not", "each_gate_is_reported_by_its_name"],
    ),
    ("E-06", &["ACCOUNT_KEY_EXPOSED"], &["an_account_key_is_refused_before_anything_is_sent"]),
    ("E-07", &[], &["the_original_set_up_is_told_in_one_run"]),
    ("E-08", &["REPOSITORY_NOT_FOUND", "ENV_MISSING", "HTML_INSTEAD_OF_JSON"], &[]),
    (
        "E-11",
        &["NETWORK_POLICY", "KUBELET_BAD_CREDENTIALS", "GPU_TOLERATION_MISSING"],
        &["what_the_clusters_own_check_does_not_see_is_found_in_one_run"],
    ),
];

/// Names of the tests in a source.
fn tests_of(source: &str) -> Vec<String> {
    let mut lines = source.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
            let next = lines.find(|line| !line.starts_with("#[")).unwrap_or_default();
            let name = next.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            found.extend(name.map(str::to_owned));
        }
    }
    found
}

#[tokio::test]
async fn every_promise_has_its_worlds_and_tests() {
    let files = tracked().await;
    let sources = files.iter().filter(|path| path.ends_with(".rs"));
    let known: BTreeSet<String> = sources.filter_map(|path| text(path)).flat_map(|source| tests_of(&source)).collect();
    let (mut worlds, mut tests, mut wrong) = (0, 0, Vec::new());
    for (id, apart, named) in PROMISES {
        let different: BTreeSet<&&str> = apart.iter().collect();
        let file = |cause: &str, name: &str| files.contains(&format!("tests/fixtures/causes/{cause}/{name}.yaml"));
        let there = |cause: &str| file(cause, "trigger") && file(cause, "near-miss");
        wrong.extend(apart.iter().filter(|cause| !there(cause)).map(|cause| format!("{id}: no worlds of {cause}")));
        wrong.extend(named.iter().filter(|test| !known.contains(**test)).map(|test| format!("{id}: no test {test}")));
        if different.len() != apart.len() || apart.is_empty() && named.is_empty() {
            wrong.push(format!("{id}: nothing tells it apart"));
        }
        worlds += apart.len();
        tests += named.len();
    }
    let ids: BTreeSet<&str> = PROMISES.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids.len(), PROMISES.len(), "an id stands twice");
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("promises={} worlds={worlds} tests={tests}", ids.len());
}
