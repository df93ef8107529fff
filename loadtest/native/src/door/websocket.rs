//! The bridge's WebSocket protocol (docs/protocol), as far as a participant that publishes and receives needs it.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};

use serde::Deserialize;
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use super::address::Address;
use super::http;

/// Of a close frame that names none.
const NO_CODE: u16 = 1005;
/// Close codes after which a session may be taken up again: a network that was lost, a client too slow for the bridge.
const RESUMABLE: [u16; 4] = [NO_CODE, 1006, 1011, 4420];

/// What the bridge says. Everything else is ignored, as the protocol demands.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromBridge {
    Joined {
        session: SessionKey,
    },
    Published {
        answer: String,
        sources: Vec<PublishedSource>,
    },
    SubscribeOffer {
        negotiation: u64,
        offer: String,
    },
    Encodings {
        source_id: String,
        encodings: Vec<EncodingState>,
    },
    Error {
        code: String,
        message: String,
        reply_to: Option<u64>,
    },
    Closing {
        code: String,
        message: String,
    },
    #[serde(other)]
    Other,
}

/// What a session is taken up again by, once its WebSocket was lost.
#[derive(Clone, Debug, Deserialize)]
pub struct SessionKey {
    id: String,
    secret: String,
    /// For so long the bridge keeps it.
    pub grace_seconds: f64,
}

/// How a WebSocket ended.
#[derive(Debug, PartialEq)]
pub enum End {
    /// The session may still be there: `resume`.
    Lost(String),
    /// The bridge wants no more of it.
    Over(String),
}

#[derive(Debug, Deserialize)]
pub struct PublishedSource {
    pub id: String,
    pub mid: String,
}

/// Which encoding of one's own somebody receives.
#[derive(Debug, Deserialize)]
pub struct EncodingState {
    #[serde(default)]
    pub rid: Option<String>,
    pub active: bool,
}

/// A WebSocket that is open.
pub struct Signal {
    socket: WebSocket<TcpStream>,
    last_id: u64,
}

impl Signal {
    /// Connects; blocks until the WebSocket stands. From then on nothing blocks.
    pub fn open(url: &str) -> Result<Signal, String> {
        let stream = http::connect(&Address::parse(url)?)?;
        let request = url.into_client_request().map_err(|error| format!("{url}: {error}"))?;
        let (socket, _) = tungstenite::client(request, stream).map_err(|error| format!("{url}: {error}"))?;
        socket.get_ref().set_nonblocking(true).map_err(|error| format!("{url}: {error}"))?;
        Ok(Signal { socket, last_id: 0 })
    }

    /// The next message that has come in; none if there is none yet.
    pub fn receive(&mut self) -> Result<Option<FromBridge>, End> {
        loop {
            return match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let message = serde_json::from_str(&text);
                    message
                        .map(Some)
                        .map_err(|error| End::Over(format!("the bridge said what is not understood: {error}")))
                }
                Ok(Message::Close(frame)) => Err(closed(frame.map_or(NO_CODE, |frame| frame.code.into()))),
                Ok(_) => continue,
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) => Err(End::Lost(error.to_string())),
            };
        }
    }

    pub fn join(&mut self, token: &str) {
        self.request(json!({"type": "join", "token": token}));
    }

    pub fn resume(&mut self, session: &SessionKey) {
        self.request(json!({"type": "resume", "session_id": session.id, "secret": session.secret}));
    }

    /// `sources` are pairs of MID and source.
    pub fn publish(&mut self, offer: &str, sources: &[(String, &str)]) {
        let sources: Vec<Value> = sources.iter().map(|(mid, source)| json!({"mid": mid, "source": source})).collect();
        self.request(json!({"type": "publish", "offer": offer, "sources": sources}));
    }

    pub fn subscribe_answer(&mut self, negotiation: u64, answer: &str) {
        self.request(json!({"type": "subscribe_answer", "negotiation": negotiation, "answer": answer}));
    }

    pub fn leave(&mut self) {
        self.request(json!({"type": "leave"}));
    }

    /// What cannot be written at once stays in the socket's buffer and goes out with the next message or read; a
    /// connection that is broken says so when it is read.
    fn request(&mut self, mut message: Value) {
        self.last_id += 1;
        message["id"] = self.last_id.into();
        let _ = self.socket.send(Message::text(message.to_string()));
    }
}

/// What a close code means (docs/protocol). A ping without an answer, as where media fills a thin line, is 1011.
fn closed(code: u16) -> End {
    let message = format!("closed with {code}");
    if RESUMABLE.contains(&code) { End::Lost(message) } else { End::Over(message) }
}

impl AsRawFd for Signal {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.get_ref().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_line_is_no_end_of_the_session() {
        for code in RESUMABLE {
            assert_eq!(closed(code), End::Lost(format!("closed with {code}")));
        }
        for code in [1000, 1001, 4404, 4409, 4410] {
            assert_eq!(closed(code), End::Over(format!("closed with {code}")));
        }
    }
}
