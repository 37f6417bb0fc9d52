//! Every clause rejects a broken implementation that all the other clauses accept.

use std::collections::BTreeSet;

use ciam_core::testkit::faulty::{self, Faulty};
use ciam_core::testkit::{
    Suite, crypto_suite, entropy_suite, ephemeral_suite, hasher_suite, http_client_suite, human_check_suite,
    legacy_directory_suite, runtime_suite, store_suite, vault_suite,
};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;

fn tokio_spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let task = tokio::spawn(task);
    Box::pin(async move { drop(task.await) })
}

/// Runs every clause against every broken implementation: exactly the one that it is said to break is broken.
async fn each_clause_has_its_fault<H: ?Sized + Sync + 'static>(suite: &Suite<H>, broken: Vec<Faulty<H>>) {
    each_clause_has_its_fault_at_once(suite, broken, 1).await;
}

/// As above, with so many broken implementations at once.
async fn each_clause_has_its_fault_at_once<H: ?Sized + Sync + 'static>(
    suite: &Suite<H>,
    broken: Vec<Faulty<H>>,
    at_once: usize,
) {
    let covered: BTreeSet<_> = broken.iter().map(Faulty::breaks).collect();
    let running = broken.into_iter().map(|faulty| async move {
        let mut rejected = Vec::new();
        for clause in suite.clauses() {
            let verdict = suite.run_clause(clause, &*faulty.harness()).await;
            rejected.extend(verdict.violation.map(|violation| (clause.name(), violation)));
        }
        let alone = rejected.len() == 1 && rejected.iter().all(|(name, _)| *name == faulty.breaks());
        (!alone).then(|| format!("{faulty:?}: rejected by {rejected:?}"))
    });
    let verdicts: Vec<_> = futures_util::stream::iter(running).buffer_unordered(at_once).collect().await;
    let wrong: Vec<String> = verdicts.into_iter().flatten().collect();
    let missing: Vec<_> = suite.clauses().iter().filter(|clause| !covered.contains(clause.name())).collect();
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
    assert!(missing.is_empty(), "clauses without a fault of their own: {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_store_clause_has_its_fault() {
    each_clause_has_its_fault(&store_suite(), faulty::stores(tokio_spawn)).await;
}

/// No clause can be satisfied by a store that crosses tenants.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_without_tenants_keeps_no_clause() {
    let suite = store_suite();
    for clause in suite.clauses() {
        let verdict = suite.run_clause(clause, &*faulty::store_without_tenants(tokio_spawn)).await;
        assert!(verdict.violation.is_some(), "{} is kept by a store without tenants", clause.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_ephemeral_clause_has_its_fault() {
    each_clause_has_its_fault(&ephemeral_suite(), faulty::ephemerals(tokio_spawn)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_ephemeral_store_without_tenants_keeps_no_clause() {
    let suite = ephemeral_suite();
    for clause in suite.clauses() {
        let verdict = suite.run_clause(clause, &*faulty::ephemeral_without_tenants(tokio_spawn)).await;
        assert!(verdict.violation.is_some(), "{} is kept by a store without tenants", clause.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_vault_clause_has_its_fault() {
    each_clause_has_its_fault(&vault_suite(), faulty::vaults(tokio_spawn)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_vault_without_tenants_keeps_no_clause() {
    let suite = vault_suite();
    for clause in suite.clauses() {
        let verdict = suite.run_clause(clause, &*faulty::vault_without_tenants(tokio_spawn)).await;
        assert!(verdict.violation.is_some(), "{} is kept by a vault without tenants", clause.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_hasher_clause_has_its_fault() {
    each_clause_has_its_fault(&hasher_suite(), faulty::hashers()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_runtime_clause_has_its_fault() {
    each_clause_has_its_fault(&runtime_suite(), faulty::runtimes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_http_client_clause_has_its_fault() {
    // They mostly wait.
    each_clause_has_its_fault_at_once(&http_client_suite(), faulty::http_clients(), 8).await;
}

#[tokio::test]
async fn each_crypto_clause_has_its_fault() {
    each_clause_has_its_fault(&crypto_suite(), faulty::cryptos()).await;
}

#[tokio::test]
async fn each_entropy_clause_has_its_fault() {
    each_clause_has_its_fault(&entropy_suite(), faulty::entropies()).await;
}

#[tokio::test]
async fn each_human_check_clause_has_its_fault() {
    each_clause_has_its_fault(&human_check_suite(), faulty::human_checks()).await;
}

#[tokio::test]
async fn each_legacy_directory_clause_has_its_fault() {
    each_clause_has_its_fault(&legacy_directory_suite(), faulty::legacy_directories()).await;
}
