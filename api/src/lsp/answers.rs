//! The answers to what is asked of a document. One that is not open has none; one that holds scenarios has
//! nothing but the suggestions of its diagnostics.

use holdfast_definitions::{complete, definition, hover, symbols};
use lsp_server::{ErrorCode, Request, Response};
use lsp_types::{
    CodeActionParams, CodeActionResponse, CompletionParams, CompletionResponse, DocumentSymbolParams,
    DocumentSymbolResponse, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams, Uri,
    request::{CodeActionRequest, Completion, DocumentSymbolRequest, GotoDefinition, HoverRequest, Request as Method},
};

use super::{
    documents::{Document, Documents},
    present,
};

pub fn answer(documents: &Documents, request: Request) -> Response {
    match request.method.as_str() {
        Completion::METHOD => say::<Completion>(documents, request, completion),
        HoverRequest::METHOD => say::<HoverRequest>(documents, request, hovered),
        GotoDefinition::METHOD => say::<GotoDefinition>(documents, request, defined),
        DocumentSymbolRequest::METHOD => say::<DocumentSymbolRequest>(documents, request, outlined),
        CodeActionRequest::METHOD => say::<CodeActionRequest>(documents, request, mended),
        unknown => {
            let why = format!("there is no method `{unknown}`");
            Response::new_err(request.id, ErrorCode::MethodNotFound as i32, why)
        }
    }
}

fn say<M: Method>(
    documents: &Documents,
    request: Request,
    how: impl FnOnce(&Documents, M::Params) -> M::Result,
) -> Response {
    match serde_json::from_value::<M::Params>(request.params) {
        Ok(params) => Response::new_ok(request.id, how(documents, params)),
        Err(error) => Response::new_err(request.id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}

fn open<'d>(documents: &'d Documents, uri: &Uri) -> Option<&'d Document> {
    documents.get(uri).filter(|document| document.is_definition())
}

fn completion(documents: &Documents, params: CompletionParams) -> Option<CompletionResponse> {
    let at = params.text_document_position;
    let document = open(documents, &at.text_document.uri)?;
    let found = complete(document.lines.text(), document.offset(at.position));
    let items = found.into_iter().enumerate().map(|(rank, one)| present::completion(document, rank, one));
    Some(CompletionResponse::Array(items.collect()))
}

fn hovered(documents: &Documents, params: HoverParams) -> Option<Hover> {
    let at = params.text_document_position_params;
    let document = open(documents, &at.text_document.uri)?;
    Some(present::hover(document, hover(document.lines.text(), document.offset(at.position))?))
}

fn defined(documents: &Documents, params: GotoDefinitionParams) -> Option<GotoDefinitionResponse> {
    let at = params.text_document_position_params;
    let document = open(documents, &at.text_document.uri)?;
    let found = definition(document.lines.text(), document.offset(at.position))?;
    let location = lsp_types::Location::new(document.uri.clone(), document.range(found.defined));
    Some(GotoDefinitionResponse::Scalar(location))
}

fn outlined(documents: &Documents, params: DocumentSymbolParams) -> Option<DocumentSymbolResponse> {
    let document = open(documents, &params.text_document.uri)?;
    let found = symbols(document.lines.text()).into_iter().map(|one| present::symbol(document, one));
    Some(DocumentSymbolResponse::Nested(found.collect()))
}

/// The suggestions of the diagnostics in a range. Those of an older text would be put into the wrong place.
fn mended(documents: &Documents, params: CodeActionParams) -> Option<CodeActionResponse> {
    let document = documents.get(&params.text_document.uri).filter(|document| !document.changed)?;
    let (start, end) = (document.offset(params.range.start), document.offset(params.range.end));
    let touched = document.diagnostics.iter().filter(|one| {
        let range = present::bytes(document, one);
        range.start <= end && start <= range.end
    });
    Some(touched.filter_map(|one| present::action(document, one)).collect())
}
