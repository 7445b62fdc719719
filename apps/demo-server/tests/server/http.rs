//! The plain routes.

use crate::harness::{PROGRAM, Server, within};
use tokio::process::Command;

#[tokio::test]
async fn the_page_needs_nothing_but_this_server() {
    let server = Server::start().await;
    let parts = [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/socket-registry.js", "text/javascript"),
    ];
    let mut outside = Vec::new();
    for (path, kind) in parts {
        let part = server.get(path).await;
        assert_eq!(part.status, 200, "{path}");
        assert!(part.headers.contains(&format!("content-type: {kind}; charset=utf-8")), "{}", part.headers);
        let schemes = part.body.match_indices("//").map(|(at, _)| part.body[..at].rsplit(['"', '\'', '(', ' ']).next());
        outside.extend(schemes.flatten().filter(|scheme| scheme.ends_with(':')).map(str::to_owned));
    }
    // The one address is the name of SVG's namespace in the icon.
    assert_eq!(outside, ["http:"], "an asset from outside");
    let page = server.get("/").await;
    assert!(
        page.headers.contains("script-src 'self';") && page.headers.contains("style-src 'self';"),
        "{}",
        page.headers
    );
    assert!(
        !page.body.contains("<style") && page.body.matches("<script").count() == 1,
        "it has a part that the policy forbids"
    );
}

#[tokio::test]
async fn the_code_is_a_picture_of_the_link_to_this_host() {
    let server = Server::start().await;
    let path = "/qr.svg?id=ann&name=Phone";
    let code = server.get(path).await;
    assert_eq!(code.status, 200);
    assert!(code.headers.contains("content-type: image/svg+xml"), "{}", code.headers);

    let link = format!("http://{}/onboard?id=ann&name=Phone", server.host);
    let expected = qrcode::QrCode::new(link).expect("the link is short");
    let expected = expected.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build();
    assert_eq!(code.body, expected);
}

#[tokio::test]
async fn stats_count_users_ids_and_sockets() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.body, "ok");
    let user = server.open("/active-users").await;
    let sockets = [
        server.open("/device-ws?id=ann").await,
        server.open("/device-ws?id=ann").await,
        server.open("/device-ws?id=bob").await,
    ];
    let expected = r#"{"active_users":1,"device_ids":2,"device_sockets":3}"#;
    assert_eq!(server.get("/stats").await.json().to_string(), expected);

    for socket in sockets {
        socket.close().await;
    }
    drop(user);
    let mut next = server.open("/active-users").await;
    next.count(1).await;
    let expected = r#"{"active_users":1,"device_ids":0,"device_sockets":0}"#;
    assert_eq!(server.get("/stats").await.json().to_string(), expected);
}

#[tokio::test]
async fn help_names_every_option() {
    let help = within("the help", Command::new(PROGRAM).arg("--help").output());
    let help = help.await.expect("the server runs");
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).expect("the help is text");
    for option in [
        "--listen",
        "--ping-every",
        "--pong-within",
        "--max-sockets",
        "--max-sockets-per-id",
        "--auth-secret",
        "--log",
        "--update-every",
        "--online-grace",
        "--drain-batch",
        "--drain-every",
        "--drain-within",
        "--drain-notice",
        "--header-within",
        "--idle-within",
        "--allow-origin",
        "--public-url",
        "--trust-proxy",
        "--auth-audience",
        "--auth-issuer",
    ] {
        assert!(text.contains(option), "{option} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn impossible_options_are_refused() {
    for options in [
        ["--listen", "nowhere"],
        ["--ping-every", "0"],
        ["--pong-within", "soon"],
        ["--max-sockets", "0"],
        ["--update-every", "-1"],
        ["--online-grace", "86401"],
        ["--drain-batch", "0"],
        ["--drain-every", "NaN"],
        ["--drain-within", "0"],
        ["--drain-notice", "-1"],
        ["--idle-within", "0"],
        ["--allow-origin", "app.example"],
        ["--allow-origin", "null"],
        ["--public-url", "https://live.example/path"],
        ["--auth-audience", "live"],
    ] {
        let run = within("the refusal", Command::new(PROGRAM).args(options).output());
        let run = run.await.expect("the server runs");
        assert!(!run.status.success(), "{options:?}");
        assert!(!run.stderr.is_empty(), "{options:?}: no explanation");
    }
}
