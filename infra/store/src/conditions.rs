//! Reads the answer of a conditional write. If the condition does not hold, that is an answer. Every other failure is an error.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::StoreError;

/// DynamoDB's code for a single write whose condition does not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

/// DynamoDB's answer to a conditional write; `None` if the condition does not hold and nothing was written.
///
/// # Errors
/// [`StoreError::Dynamo`]: it is not known whether anything was written.
pub(crate) fn unless_condition_failed<T, E>(
    answer: Result<T, SdkError<E>>,
    operation: &'static str,
) -> Result<Option<T>, StoreError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match answer {
        Ok(written) => Ok(Some(written)),
        Err(error) if error.code() == Some(CONDITION_FAILED) => Ok(None),
        Err(error) => Err(StoreError::dynamo(operation, error)),
    }
}

/// Whether a conditional write was done; `false` if its condition does not hold.
///
/// # Errors
/// As [`unless_condition_failed`].
pub(crate) fn is_written<T, E>(answer: Result<T, SdkError<E>>, operation: &'static str) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    Ok(unless_condition_failed(answer, operation)?.is_some())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{
        config::http::HttpResponse,
        error::ErrorMetadata,
        operation::update_item::UpdateItemError,
        types::error::{ConditionalCheckFailedException, ResourceNotFoundException},
    };

    use super::*;

    fn refusal(error: UpdateItemError) -> SdkError<UpdateItemError> {
        SdkError::service_error(error, HttpResponse::new(400_u16.try_into().unwrap(), "".into()))
    }

    #[test]
    fn a_condition_that_does_not_hold_is_an_answer_and_the_rest_are_errors() {
        let meta = ErrorMetadata::builder().code(CONDITION_FAILED).build();
        let condition = ConditionalCheckFailedException::builder().meta(meta).build();
        let condition = refusal(UpdateItemError::ConditionalCheckFailedException(condition));
        let missing = ResourceNotFoundException::builder().build();
        let missing = refusal(UpdateItemError::ResourceNotFoundException(missing));
        assert!(is_written(Ok::<(), SdkError<UpdateItemError>>(()), "x").unwrap());
        assert!(!is_written(Err::<(), _>(condition), "x").unwrap());
        let error = is_written(Err::<(), _>(missing), "x").unwrap_err();
        assert!(matches!(error, StoreError::Dynamo { operation: "x", .. }), "{error}");
    }
}
