//! Who may look, and what other pages in the same browser may not do.

use super::Shared;
use super::refusal::Refusal;
use crate::fault::Fault;
use crate::line::hex;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// What is asked of each request.
pub(super) struct Guard {
    address: IpAddr,
    token: Option<String>,
    /// What the cookie of who has shown the token says: it is drawn anew whenever the hub starts.
    session: String,
}

impl Guard {
    pub(super) fn new(address: IpAddr, token: Option<&str>) -> Result<Self, Fault> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(Fault::failed)?;
        Ok(Self {
            address,
            token: token.map(str::to_owned),
            session: hex(&random),
        })
    }

    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_host(headers)?;
        if !matches!(*method, Method::GET | Method::HEAD) {
            check_origin(headers)?;
        }
        match self.token {
            Some(_) if !self.knows(uri, headers) => {
                let text = "this page needs the token of the hub: open it with ?token=, or say Authorization: Bearer";
                Err(Refusal::new(StatusCode::UNAUTHORIZED, text))
            }
            _ => Ok(()),
        }
    }

    /// A page from elsewhere whose name was made to lead to this machine does not get this one's.
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if !self.address.is_loopback() {
            return Ok(());
        }
        let host = text(headers, &HOST).map(host_of).unwrap_or_default();
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|host: IpAddr| host.is_loopback());
        match is_here {
            true => Ok(()),
            false => {
                let text = format!("this is no page of {host:?}: use 127.0.0.1 or localhost");
                Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, text))
            }
        }
    }

    fn knows(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let bearer = text(headers, &AUTHORIZATION).and_then(|text| text.strip_prefix("Bearer "));
        let is_token = |shown: &str| {
            self.token
                .as_deref()
                .is_some_and(|token| is_same(shown, token))
        };
        bearer.is_some_and(is_token)
            || cookies(headers).any(|cookie| is_same(cookie, &self.session))
            || token_in(uri).is_some_and(|shown| is_token(&shown))
    }

    /// Where to go on once the token has been shown in an address, where it is not to stay.
    fn welcome(&self, method: &Method, uri: &Uri) -> Option<Response> {
        if self.token.is_none() || *method != Method::GET {
            return None;
        }
        token_in(uri)?;
        // Two slashes, or what browsers take for two, would lead to another host.
        let place = format!("/{}", uri.path().trim_start_matches(['/', '\\']));
        let cookie = format!(
            "{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/",
            self.session
        );
        let headers = [(SET_COOKIE, cookie), (LOCATION, place)];
        Some((StatusCode::SEE_OTHER, headers).into_response())
    }
}

/// Lets a request pass if it may, and says what the browser may do with what comes back.
pub(super) async fn check(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let guard = &shared.guard;
    let (method, uri) = (request.method(), request.uri());
    let mut response = match guard.check(method, uri, request.headers()) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => match guard.welcome(method, uri) {
            Some(welcome) => welcome,
            None => next.run(request).await,
        },
    };
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page from elsewhere can send requests, but not change where they come from.
fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_same = match (text(headers, &ORIGIN), text(headers, &HOST)) {
        (None, _) => !headers.contains_key(ORIGIN),
        (Some(origin), Some(host)) => {
            let origin = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
        }
        (Some(_), None) => false,
    };
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    match is_same && matches!(site, None | Some(b"same-origin" | b"none")) {
        true => Ok(()),
        false => {
            let text = "this came from another page, which may not change anything here";
            Err(Refusal::new(StatusCode::FORBIDDEN, text))
        }
    }
}

/// How long it takes tells nothing but the length.
fn is_same(shown: &str, secret: &str) -> bool {
    shown.as_bytes().ct_eq(secret.as_bytes()).into()
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The name in front of the port.
fn host_of(authority: &str) -> &str {
    if let Some((host, _)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return host;
    }
    authority
        .split_once(':')
        .map_or(authority, |(host, _)| host)
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let each = all.flat_map(|all| all.split(';'));
    each.filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })
}

fn token_in(uri: &Uri) -> Option<String> {
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let mut pairs = query.0.into_iter();
    pairs
        .find(|(name, _)| name == "token")
        .map(|(_, value)| value)
}

const COOKIE_NAME: &str = "ropeway";

/// What is true of all that is served. The page runs its own script and nothing else.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Guard, method: &Method, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::try_from(*value).unwrap(),
            )
        });
        let checked = guard.check(method, &uri.parse().unwrap(), &headers.collect());
        checked.map_or_else(
            |refusal| refusal.into_response().status().as_u16(),
            |()| 200,
        )
    }

    #[test]
    fn a_name_that_was_made_to_lead_here_gets_nothing() {
        let guard = Guard::new([127, 0, 0, 1].into(), None).unwrap();
        for (host, expected) in [
            ("127.0.0.1:8280", 200),
            ("localhost", 200),
            ("LOCALHOST:9", 200),
            ("[::1]:8280", 200),
            ("evil.example:8280", 421),
            ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421),
            ("", 421),
        ] {
            assert_eq!(
                status(&guard, &Method::GET, "/", &[("host", host)]),
                expected,
                "{host}"
            );
        }
        assert_eq!(status(&guard, &Method::GET, "/", &[]), 421);
    }

    #[test]
    fn another_page_can_change_nothing() {
        let guard = Guard::new([127, 0, 0, 1].into(), None).unwrap();
        let host = ("host", "127.0.0.1:8280");
        for (more, expected) in [
            (&[][..], 200),
            (&[("origin", "http://127.0.0.1:8280")], 200),
            (&[("origin", "http://127.0.0.1:8281")], 403),
            (&[("origin", "https://evil.example")], 403),
            (&[("origin", "null")], 403),
            (&[("sec-fetch-site", "cross-site")], 403),
            (&[("sec-fetch-site", "same-site")], 403),
            (&[("sec-fetch-site", "same-origin")], 200),
        ] {
            let headers = [&[host], more].concat();
            for method in [Method::POST, Method::PUT, Method::DELETE] {
                assert_eq!(status(&guard, &method, "/", &headers), expected, "{more:?}");
            }
            assert_eq!(status(&guard, &Method::GET, "/", &headers), 200);
        }
    }

    #[test]
    fn the_token_leads_nowhere_else() {
        let guard = Guard::new([10, 0, 0, 1].into(), Some("a long secret")).unwrap();
        for uri in ["//evil.example/?token=x", "/\\evil.example/?token=x"] {
            let welcome = guard.welcome(&Method::GET, &uri.parse().unwrap());
            let headers = welcome.as_ref().map(|welcome| welcome.headers());
            assert_eq!(headers.unwrap()[LOCATION], "/evil.example/", "{uri}");
        }
    }

    #[test]
    fn who_does_not_know_the_token_gets_nothing() {
        let guard = Guard::new([10, 0, 0, 1].into(), Some("a long secret")).unwrap();
        let cookie = format!("other=1; ropeway={}", guard.session);
        for (uri, headers, expected) in [
            ("/", &[][..], 401),
            ("/?token=a%20long%20secret", &[], 200),
            ("/?token=a+long+secreT", &[], 401),
            ("/", &[("authorization", "Bearer a long secret")], 200),
            ("/", &[("authorization", "Bearer a long")], 401),
            ("/", &[("cookie", cookie.as_str())], 200),
            ("/", &[("cookie", "ropeway=a long secret")], 401),
        ] {
            assert_eq!(
                status(&guard, &Method::GET, uri, headers),
                expected,
                "{uri} {headers:?}"
            );
        }
    }
}
