//! The health check of Argo CD, against the cases in its folder.

use std::collections::BTreeSet;

use mlua::{Lua, LuaSerdeExt};
use serde_json::Value;
use userstream_e2e::documented_tables::file;
use userstream_e2e::rig::repository;

const FOLDER: &str = "helm/argocd/userstream.dev/UserStreamPipeline";

/// The result of the script for a resource, in a Lua with the standard libraries that Argo CD loads.
fn health(resource: &Value) -> Value {
    let lua = Lua::new_with(
        mlua::StdLib::TABLE | mlua::StdLib::STRING | mlua::StdLib::MATH,
        mlua::LuaOptions::default(),
    )
    .unwrap();
    lua.globals().set("obj", lua.to_value(resource).unwrap()).unwrap();
    let health: mlua::Value = lua.load(file(&format!("{FOLDER}/health.lua"))).eval().unwrap();
    lua.from_value(health).unwrap()
}

#[test]
fn every_case_has_its_declared_health() {
    let cases: Value = serde_saphyr::from_str(&file(&format!("{FOLDER}/health_test.yaml"))).unwrap();
    let mut seen = BTreeSet::new();
    let mut read = BTreeSet::new();
    for case in cases["tests"].as_array().unwrap() {
        let path = case["inputPath"].as_str().unwrap();
        let resource: Value = serde_saphyr::from_str(&file(&format!("{FOLDER}/{path}"))).unwrap();
        assert_eq!(health(&resource), case["healthStatus"], "{path}");
        seen.insert(case["healthStatus"]["status"].to_string());
        read.insert(path.trim_start_matches("testdata/").to_owned());
    }
    assert_eq!(seen.len(), 4, "every health that a pipeline can have: {seen:?}");
    let files = std::fs::read_dir(repository().join(FOLDER).join("testdata")).unwrap();
    let files: BTreeSet<String> =
        files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(read, files, "every file in testdata is a case");
}

#[test]
fn status_without_conditions_is_progressing() {
    for resource in [
        serde_json::json!({"metadata": {"generation": 1}}),
        serde_json::json!({"metadata": {"generation": 1}, "status": {}}),
        serde_json::json!({"metadata": {"generation": 1}, "status": {"conditions": []}}),
    ] {
        assert_eq!(health(&resource)["status"], "Progressing", "{resource}");
    }
}
