//! What may be sent to a WebSocket's client.

use axum::extract::ws::Message;

/// None, one or several messages.
pub trait IntoMessages: Send {
    /// Returns the messages, in the order in which they are sent.
    fn into_messages(self) -> impl Iterator<Item = Message> + Send;
}

impl IntoMessages for Message {
    fn into_messages(self) -> impl Iterator<Item = Message> + Send {
        std::iter::once(self)
    }
}

impl IntoMessages for Option<Message> {
    fn into_messages(self) -> impl Iterator<Item = Message> + Send {
        self.into_iter()
    }
}

impl IntoMessages for Vec<Message> {
    fn into_messages(self) -> impl Iterator<Item = Message> + Send {
        self.into_iter()
    }
}
