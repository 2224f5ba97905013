//! Finds tuples where a struct would name the parts: in the parameters and returns of functions that other files call.
//!
//! A tuple says neither what its parts are nor which of two alike comes first. Inside of one file it may stand. A list of pairs whose first
//! part is a text (headers, forms, members of JSON) may stand anywhere: its parts are a name and a value.

use std::path::Path;

use syn::{
    AssocType, Attribute, FnArg, GenericArgument, ImplItemFn, ItemFn, ItemMod, ItemType, Pat, PathArguments, Signature,
    TraitItemFn, Type, Visibility,
    visit::{self, Visit},
};

/// What a list is made of: `Vec`, and what iterators are.
const LISTS: [&str; 5] = ["Vec", "Iterator", "IntoIterator", "HashMap", "BTreeMap"];

#[test]
fn no_parameter_takes_a_tuple_apart() {
    let found = find(&super::SOURCES, |shape| shape.taken_apart);
    super::check_none(&found, "CONTRIBUTING.md 19: name the parts of `(a, b): (A, B)`");
}

#[test]
fn functions_that_cross_a_file_take_and_return_no_tuple_and_take_no_bool() {
    let mut found = find(&["functions", "infra", "sdk/cli"], |shape| shape.crossing);
    found.retain(|place| !is_of_tests(place));
    super::check_none(&found, "CONTRIBUTING.md 19: a named struct, or an enum of two");
}

/// What one file does with tuples: the places, as `function (line)`.
#[derive(Default)]
struct Shape {
    taken_apart: Vec<String>,
    crossing: Vec<String>,
}

fn find(folders: &[&str], which: impl Fn(Shape) -> Vec<String>) -> Vec<String> {
    let places = super::sources(folders).into_iter().flat_map(|path| {
        let found = which(shape_of(&super::read(&super::root().join(&path))));
        found.into_iter().map(|place| format!("{path}: {place}")).collect::<Vec<_>>()
    });
    places.collect()
}

fn shape_of(text: &str) -> Shape {
    let mut shape = Shape::default();
    shape.visit_file(&syn::parse_file(text).unwrap());
    shape
}

/// Whether a place is in a file of unit tests.
fn is_of_tests(place: &str) -> bool {
    let path = Path::new(place.split(':').next().unwrap_or_default());
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

impl Shape {
    fn note(&mut self, signature: &Signature, crosses: bool) {
        let typed = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(input) => Some(input),
            FnArg::Receiver(_) => None,
        });
        for input in typed {
            if matches!(&*input.pat, Pat::Tuple(parts) if parts.elems.len() > 1) {
                self.taken_apart.push(signature.ident.to_string());
            }
            if crosses && (has_tuple(&input.ty) || is_bool(&input.ty)) {
                self.crossing.push(format!("parameter of {}", signature.ident));
            }
        }
        if let syn::ReturnType::Type(_, answer) = &signature.output
            && crosses
            && has_tuple(answer)
        {
            self.crossing.push(format!("return of {}", signature.ident));
        }
    }
}

impl<'ast> Visit<'ast> for Shape {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.note(&function.sig, crosses(&function.vis));
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.note(&function.sig, crosses(&function.vis));
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        self.note(&function.sig, true);
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_type(&mut self, alias: &'ast ItemType) {
        if crosses(&alias.vis) && matches!(&*alias.ty, Type::Tuple(_)) {
            self.crossing.push(format!("type {}", alias.ident));
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn crosses(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

fn is_bool(of: &Type) -> bool {
    matches!(of, Type::Path(path) if path.path.is_ident("bool"))
}

/// Whether a type has a tuple of two or more somewhere, other than as the pairs of a list.
fn has_tuple(of: &Type) -> bool {
    let mut search = Search::default();
    search.visit_type(of);
    search.found
}

#[derive(Default)]
struct Search {
    found: bool,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_type_tuple(&mut self, tuple: &'ast syn::TypeTuple) {
        self.found |= tuple.elems.len() > 1;
        visit::visit_type_tuple(self, tuple);
    }

    fn visit_type_slice(&mut self, slice: &'ast syn::TypeSlice) {
        if !is_named_pair(&slice.elem) {
            visit::visit_type_slice(self, slice);
        }
    }

    fn visit_type_array(&mut self, array: &'ast syn::TypeArray) {
        if !is_named_pair(&array.elem) {
            visit::visit_type_array(self, array);
        }
    }

    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        if let PathArguments::AngleBracketed(arguments) = &segment.arguments
            && LISTS.iter().any(|list| segment.ident == list)
        {
            for argument in &arguments.args {
                if let GenericArgument::Type(item) | GenericArgument::AssocType(AssocType { ty: item, .. }) = argument
                    && !is_named_pair(item)
                {
                    self.visit_type(item);
                }
            }
            return;
        }
        visit::visit_path_segment(self, segment);
    }
}

/// Whether it is a pair whose first part is a text.
fn is_named_pair(of: &Type) -> bool {
    let Type::Tuple(tuple) = of else { return false };
    let mut first = tuple.elems.first();
    while let Some(Type::Reference(reference)) = first {
        first = Some(&reference.elem);
    }
    let is_text = |path: &syn::TypePath| path.path.is_ident("str") || path.path.is_ident("String");
    tuple.elems.len() == 2 && matches!(first, Some(Type::Path(path)) if is_text(path))
}

#[test]
fn the_search_finds_what_it_is_for() {
    let shape = |text: &str| {
        let Shape { taken_apart, crossing } = shape_of(text);
        (taken_apart.len(), crossing.len())
    };
    #[rustfmt::skip]
    let cases = [
        ("fn f((a, b): (u8, u8)) {}",                                        (1, 0)),
        ("fn f(pair: (u8, u8)) -> (u8, u8) { pair }",                        (0, 0)),
        ("pub(crate) fn f(pair: (u8, u8)) {}",                               (0, 1)),
        ("pub fn f() -> Result<Option<(u8, u8)>, E> { g() }",                (0, 1)),
        ("pub fn f(headers: &[(&str, &str)]) -> Vec<(String, u8)> { g() }",  (0, 0)),
        ("pub fn f() -> impl Iterator<Item = (&'static str, u8)> { g() }",   (0, 0)),
        ("pub fn f() -> Vec<(u8, String)> { g() }",                          (0, 1)),
        ("pub fn f(decide: impl Fn(&A) -> Result<(A, B), E>) {}",            (0, 1)),
        ("pub fn f(is_short: bool) -> bool { is_short }",                    (0, 1)),
        ("trait T { fn f(&self, pair: (u8, u8)); }",                         (0, 1)),
        ("pub type Pair = (u8, u8);",                                        (0, 1)),
        ("#[cfg(test)] mod tests { pub fn f((a, b): (u8, u8)) {} }",         (0, 0)),
    ];
    for (text, expect) in cases {
        assert_eq!(shape(text), expect, "{text}");
    }
}
