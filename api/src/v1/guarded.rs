//! What the guards around every route may answer, said once for all operations.

use utoipa::openapi::{
    OpenApi, Ref, RefOr, ResponseBuilder,
    content::ContentBuilder,
    path::{Operation, PathItem},
};

/// Status, name, meaning, and whether only an operation that reads a body gives it.
const GUARDS: [(&str, &str, &str, bool); 4] = [
    ("408", "BodyTooSlow", "The body did not come in time.", true),
    ("414", "TargetTooLong", "The request target is too long.", false),
    ("431", "HeadTooLarge", "The request head has too many fields or bytes.", false),
    ("500", "Internal", "A bug: the log has it. Nothing was done that was not acknowledged.", false),
];

pub fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Default::default);
    for (_, name, meaning, _) in GUARDS {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDocument"))).build();
        let response = ResponseBuilder::new().description(meaning).content("application/problem+json", problem).build();
        components.responses.insert(name.to_owned(), RefOr::T(response));
    }
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let reads = operation.request_body.is_some();
        for (status, name, _, of_body) in GUARDS {
            if reads || !of_body {
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name(name)));
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}
