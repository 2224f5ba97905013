//! Dead letters: messages that no worker could process. They are counted, some are shown, and all can be moved back to their queues.

use aws_sdk_sqs::{
    error::ProvideErrorMetadata,
    types::{MessageSystemAttributeName, QueueAttributeName},
};

use crate::{Queue, QueueError};

/// How long the messages that are shown are hidden from other readers. The only other reader is the move back.
const LOOKED_AT_SECONDS: i32 = 1;

/// SQS's limit of messages in one call.
const SHOWN_MAX: i32 = 10;

/// SQS's code if a move is running already, or if there is nothing to move.
const NOT_NOW: &str = "AWS.SimpleQueueService.UnsupportedOperation";

/// The dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetters {
    /// About how many there are.
    pub count: u64,
    /// At most ten of them, in no order.
    pub some: Vec<DeadLetter>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its text, which [`crate::Bell::parse`] reads.
    pub body: String,
    /// When it was sent, in milliseconds.
    pub sent_ms: i64,
}

/// Why they were not taken back.
#[derive(Debug, thiserror::Error)]
pub enum TakeBackError {
    /// They are being taken back already.
    #[error("the dead letters are already being taken back")]
    UnderWay,
    /// SQS refused or could not be reached.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Queue {
    /// The dead letters that SQS shows.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn dead_letters(&self) -> Result<DeadLetters, QueueError> {
        let url = self.dead_letters_url()?;
        let (count, _) = self.describe(url).await?;
        let received = self
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(SHOWN_MAX)
            .visibility_timeout(LOOKED_AT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(QueueError::new)?;
        let some = received.messages().iter().map(|message| {
            let sent = message.attributes().and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp));
            let sent_ms = sent.and_then(|ms| ms.parse().ok()).unwrap_or_default();
            DeadLetter { body: message.body().unwrap_or_default().to_owned(), sent_ms }
        });
        Ok(DeadLetters { count, some: some.collect() })
    }

    /// About how many there are.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn count_dead_letters(&self) -> Result<u64, QueueError> {
        Ok(self.describe(self.dead_letters_url()?).await?.0)
    }

    /// Has SQS move all of them back to the queues that they came from. Returns about how many they are.
    ///
    /// # Errors
    /// [`TakeBackError`].
    pub async fn take_back(&self) -> Result<u64, TakeBackError> {
        let (count, arn) = self.describe(self.dead_letters_url()?).await?;
        if count == 0 {
            return Ok(0);
        }
        match self.sqs.start_message_move_task().source_arn(arn).send().await {
            Ok(_) => Ok(count),
            Err(error) if error.code() == Some(NOT_NOW) => Err(TakeBackError::UnderWay),
            Err(error) => Err(QueueError::new(error).into()),
        }
    }

    /// About how many messages a queue has, and its ARN.
    async fn describe(&self, url: &str) -> Result<(u64, String), QueueError> {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let names = [counts.to_vec(), vec![QueueAttributeName::QueueArn]].concat();
        let asked = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names));
        let described = asked.send().await.map_err(QueueError::new)?;
        let text = |name| described.attributes().and_then(|all| all.get(name)).map(String::as_str).unwrap_or_default();
        let number = |name| text(name).parse::<u64>().unwrap_or_default();
        Ok((counts.iter().map(number).sum(), text(&QueueAttributeName::QueueArn).to_owned()))
    }

    fn dead_letters_url(&self) -> Result<&str, QueueError> {
        self.urls
            .dead_letters
            .as_deref()
            .ok_or_else(|| QueueError::new("this function does not know the queue of dead letters"))
    }
}
