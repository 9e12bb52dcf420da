//! The translated template, and how to find something in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tests::require::{cache, missing};

/// A translated template.
#[derive(Clone)]
pub(super) struct Document(pub(super) Value);

/// A resource with its logical name.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
}

impl<'a> Resource<'a> {
    /// What is at a path below its properties; null if nothing is.
    pub(super) fn at(&self, path: &str) -> &'a Value {
        self.value.pointer(&format!("/Properties{path}")).unwrap_or(&Value::Null)
    }

    pub(super) fn kind(&self) -> &'a str {
        self.value["Type"].as_str().unwrap_or_default()
    }

    /// The program of a function.
    pub(super) fn binary(&self) -> &'a str {
        self.value.pointer("/Metadata/BuildProperties/Binary").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Document {
    pub(super) fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        let all = self.0["Resources"].as_object().expect("a template has resources");
        all.iter().map(|(name, value)| Resource { name, value })
    }

    pub(super) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Resource<'a>> {
        self.resources().filter(move |resource| resource.kind() == kind)
    }

    pub(super) fn functions(&self) -> impl Iterator<Item = Resource<'_>> {
        self.of("AWS::Lambda::Function")
    }

    pub(super) fn find(&self, name: &str) -> Option<Resource<'_>> {
        self.resources().find(|resource| resource.name == name)
    }

    /// What is at a path below the properties of a resource; null if there is no such thing.
    pub(super) fn property(&self, name: &str, path: &str) -> &Value {
        self.find(name).map_or(&Value::Null, |resource| resource.at(path))
    }

    /// The programs by the logical names of their functions.
    pub(super) fn binaries(&self) -> BTreeMap<&str, &str> {
        self.functions().map(|function| (function.name, function.binary())).collect()
    }
}

/// The resource that a value refers to, as itself or by one of its attributes.
pub(super) fn target(value: &Value) -> Option<&str> {
    let named = value["Ref"].as_str().or_else(|| match &value["Fn::GetAtt"] {
        Value::Array(path) => path.first()?.as_str(),
        path => path.as_str()?.split('.').next(),
    });
    named.or_else(|| value["Fn::Sub"].as_str()?.rsplit_once("${")?.1.split(['.', '}']).next())
}

/// One thing, or each of a list.
pub(super) fn each(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the tree").to_owned()
}

/// The Python that has moto and AWS's translator; `None` after saying that it is missing.
pub(super) fn python() -> Option<PathBuf> {
    let python = cache().join("python/bin/python");
    let found = cache().join("python/bin/cfn-lint").is_file();
    if !found {
        missing("the pinned Python packages");
    }
    found.then_some(python)
}

/// A script beside this file.
pub(super) fn script(name: &str) -> PathBuf {
    root().join("tests/cloud").join(name)
}

/// The template as CloudFormation gets it; translated once.
pub(super) fn translated() -> Option<&'static Document> {
    static DOCUMENT: OnceLock<Option<Document>> = OnceLock::new();
    DOCUMENT.get_or_init(|| python().map(|python| translate(&python))).as_ref()
}

fn translate(python: &Path) -> Document {
    let mut command = Command::new(python);
    command.arg(script("transform.py")).arg(root().join("template.yaml")).env("AWS_DEFAULT_REGION", "us-east-1");
    let output = command.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Document(serde_json::from_slice(&output.stdout).expect("a JSON document"))
}

/// The translated template as a file.
pub(super) fn translated_file() -> Option<tempfile::NamedTempFile> {
    let document = translated()?;
    let file = tempfile::Builder::new().suffix(".json").tempfile().expect("a file");
    std::fs::write(file.path(), document.0.to_string()).expect("the document is written");
    Some(file)
}
