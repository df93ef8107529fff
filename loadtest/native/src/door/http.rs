//! HTTP as WHIP and WHEP need it: one connection per request, as every participant is a machine of its own.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::address::Address;

/// For each step of a request.
const TIMEOUT: Duration = Duration::from_secs(20);
const MAX_ANSWER: u64 = 1 << 20;

pub struct Answer {
    pub status: u16,
    /// The session's URL.
    pub location: Option<String>,
    pub retry_after: Option<u64>,
    pub body: String,
}

/// Connects to where a URL points.
pub fn connect(address: &Address<'_>) -> Result<TcpStream, String> {
    let fault = |error: std::io::Error| format!("{}: {error}", address.host);
    let mut found = (address.name(), address.port).to_socket_addrs().map_err(fault)?;
    let first = found.next().ok_or_else(|| format!("{}: unknown host", address.host))?;
    let stream = TcpStream::connect_timeout(&first, TIMEOUT).map_err(fault)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(fault)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(fault)?;
    stream.set_nodelay(true).map_err(fault)?;
    Ok(stream)
}

/// Sends `body` as SDP with a bearer token.
pub fn request(method: &str, url: &str, token: &str, body: &str) -> Result<Answer, String> {
    let address = Address::parse(url)?;
    let mut stream = connect(&address)?;
    let head = format!(
        "{method} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        address.path,
        address.host,
        body.len()
    );
    let mut answer = Vec::new();
    stream
        .write_all(&[head.as_bytes(), body.as_bytes()].concat())
        .and_then(|()| stream.take(MAX_ANSWER).read_to_end(&mut answer))
        .map_err(|error| format!("{}: {error}", address.host))?;
    let mut parsed = parse(&answer).ok_or_else(|| format!("{}: the answer is no HTTP", address.host))?;
    if let Some(location) = parsed.location.as_mut().filter(|location| location.starts_with('/')) {
        location.insert_str(0, &format!("http://{}", address.host));
    }
    Ok(parsed)
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    let status = words.next()?.parse().ok()?;
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    let body = if header("transfer-encoding") == Some("chunked") { unchunked(body)? } else { body.to_owned() };
    Some(Answer {
        status,
        location: header("location").map(str::to_owned),
        retry_after: header("retry-after").and_then(|value| value.parse().ok()),
        body,
    })
}

fn unchunked(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, tail) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length.split(';').next()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(tail.get(..length)?);
        rest = tail.get(length..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let answer =
            parse(b"HTTP/1.1 201 Created\r\nLocation: /whip/r/1\r\nRetry-After: 2\r\n\r\nv=0\r\n").expect("HTTP");
        assert_eq!((answer.status, answer.location.as_deref(), answer.retry_after), (201, Some("/whip/r/1"), Some(2)));
        assert_eq!(answer.body, "v=0\r\n");
        let chunked = parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        assert_eq!(chunked.expect("HTTP").body, "abcde");
        assert!(parse(b"SSH-2.0-x\r\n\r\n").is_none() && parse(b"").is_none());
    }
}
