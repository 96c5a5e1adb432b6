//! `ropeway hub`: what it prints, and what can be seen and done over HTTP.
#![cfg(unix)]

mod rig;
mod seen;
mod spoken;

use rig::{ANY, Hub, Rover, refused};
use ropeway_std::any::Content;

/// A hub with one peer that has joined, whose number is 1.
fn with_rover(more: &[&str]) -> (Hub, Rover) {
    let hub = Hub::native(more);
    let rover = Rover::new(&hub, "rover", None);
    assert_eq!(hub.until("joined")["peer"], 1);
    (hub, rover)
}

#[test]
fn what_happens_is_printed_a_line_each() {
    let (mut hub, rover) = with_rover(&[]);
    rover.say(Content::new(0x10, b"hello".to_vec()));
    let line = hub.until("message");
    assert_eq!(
        (&line["who"], &line["code"]),
        (&"rover".into(), &0x10.into())
    );
    assert_eq!(line["hex"], "68656c6c6f");
    assert_eq!(line["direction"], "in");
    assert_eq!(hub.interrupt(), Some(0));
    assert_eq!(hub.until("left")["text"], "the hub was shut down");
    rover.until("lost: the peer says: the program shuts down");
}

#[test]
fn a_peer_that_is_lost_is_away_until_it_comes_back() {
    let (hub, rover) = with_rover(&[]);
    assert_eq!(hub.read("/api/peers/1")["state"], "here");
    rover.handle.post(|peer| peer.kick()).unwrap();
    let away = hub.until("away");
    assert_eq!(away["peer"], 1);
    hub.read_until("/api/peers/1", |peer| peer["state"] == "away");
}

#[test]
fn the_page_is_not_shown_to_other_machines_without_a_token() {
    let (code, text) = refused(&["hub", "--listen", ANY, "--web", "0.0.0.0:0"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--token"), "{text}");
    let (code, text) = refused(&["hub", "--listen", ANY, "--web", ANY, "--token", "short"]);
    assert_eq!(code, Some(2), "{text}");
    let (code, text) = refused(&[
        "hub",
        "--protocol=cable-car-byte",
        "--protocol=cable-car-json",
    ]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--protocol cable-car-json="), "{text}");
}

#[test]
fn a_folder_that_is_none_is_refused() {
    let (code, text) = refused(&["hub", "--listen", ANY, "--root", "/nowhere"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("/nowhere is no folder"), "{text}");
}

#[test]
fn a_hub_that_cannot_print_says_so_as_it_ends() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ropeway"));
    let command = command.args(["hub", "--listen", ANY]);
    let output = command
        .stdout(full.unwrap())
        .stderr(std::process::Stdio::piped());
    let output = output.spawn().unwrap().wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("standard output"), "{text}");
}

#[test]
fn who_has_shown_the_token_once_is_known_by_a_cookie() {
    let hub = Hub::native(&["--token", "a-long-secret"]);
    for path in ["/", "/page.js", "/api/peers", "/metrics", "/no-such"] {
        assert_eq!(hub.get(path).status, 401, "{path}");
    }
    assert_eq!(hub.get("/?token=a-long-secreT").status, 401);
    let bearer = [("Authorization", "Bearer a-long-secret")];
    assert_eq!(hub.ask("GET", "/metrics", &bearer, b"").status, 200);
    let welcome = hub.get("/?token=a-long-secret");
    assert_eq!(welcome.status, 303);
    assert!(welcome.head.contains("\r\nlocation: /\r\n"), "{welcome:?}");
    let cookie = welcome
        .head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let (cookie, rules) = cookie.unwrap().split_once(';').unwrap();
    assert!(
        rules.contains("httponly") && rules.contains("samesite=strict"),
        "{rules}"
    );
    assert!(!cookie.contains("a-long-secret"));
    assert_eq!(hub.ask("GET", "/", &[("Cookie", cookie)], b"").status, 200);
}

#[test]
fn pages_from_elsewhere_get_nothing_and_change_nothing() {
    let (hub, rover) = with_rover(&[]);
    assert_eq!(
        hub.ask("GET", "/", &[("Host", "evil.example")], b"").status,
        421
    );
    let elsewhere = [
        ("Origin", "http://evil.example"),
        ("Content-Type", "application/json"),
    ];
    let said = br#"{"code":16,"text":"from elsewhere"}"#;
    assert_eq!(
        hub.ask("POST", "/api/peers/1/messages", &elsewhere, said)
            .status,
        403
    );
    assert_eq!(
        hub.ask("DELETE", "/api/peers/1", &elsewhere, b"").status,
        403
    );
    let form = [("Content-Type", "text/plain")];
    assert_eq!(
        hub.ask("POST", "/api/peers/1/messages", &form, said).status,
        415
    );
    let here = format!("http://{}", hub.web);
    let here = [
        ("Origin", here.as_str()),
        ("Content-Type", "application/json"),
    ];
    let said = br#"{"code":16,"text":"from here"}"#;
    assert_eq!(
        hub.ask("POST", "/api/peers/1/messages", &here, said).status,
        202
    );
    assert_eq!(rover.until("0x10"), "0x10 from here");
}

#[test]
fn the_page_runs_its_own_script_and_loads_nothing_from_elsewhere() {
    let hub = Hub::native(&[]);
    for path in ["/", "/page.css", "/page.js", "/icon.svg"] {
        let response = hub.get(path);
        assert_eq!(response.status, 200, "{path}");
        assert!(
            response
                .head
                .contains("content-security-policy: default-src 'none'; script-src 'self'")
        );
        let mut foreign = response.body.split("http").skip(1);
        assert!(
            foreign.all(|rest| rest.starts_with("://www.w3.org/2000/svg")),
            "{path}"
        );
    }
    assert!(!hub.get("/page.js").body.contains("innerHTML"));
}
