//! Whose pages are let in, and where the QR code leads, behind proxies.

use crate::harness::Server;

async fn status(server: &Server, headers: &[(&'static str, &str)]) -> u16 {
    match server.try_open("/device-ws?id=ann", headers).await {
        Ok(_) => 101,
        Err(answer) => answer.status,
    }
}

#[tokio::test]
async fn the_port_of_the_scheme_is_as_good_as_none() {
    let server = Server::start().await;
    for (origin, host, expected) in [
        ("https://live.example", "live.example:443", 101),
        ("https://live.example", "live.example", 101),
        ("http://live.example", "live.example:80", 101),
        ("https://live.example", "live.example:80", 403),
        ("https://live.example:8443", "live.example", 403),
        ("null", "live.example", 403),
    ] {
        assert_eq!(status(&server, &[("origin", origin), ("host", host)]).await, expected, "{origin} for {host}");
    }
}

#[tokio::test]
async fn a_rewritten_host_needs_an_option() {
    let rewritten = [("origin", "https://live.example"), ("host", "10.0.0.7:3000")];
    let forwarded = [rewritten[0], rewritten[1], ("x-forwarded-host", "live.example")];
    let server = Server::start().await;
    assert_eq!(status(&server, &rewritten).await, 403);
    assert_eq!(status(&server, &forwarded).await, 403, "anybody can say that");

    let options = ["--allow-origin", "https://other.example", "--allow-origin", "https://live.example"];
    assert_eq!(status(&Server::start_with(options).await, &rewritten).await, 101);
    assert_eq!(status(&Server::start_with(["--public-url", "https://live.example"]).await, &rewritten).await, 101);
    let behind_proxy = Server::start_with(["--trust-proxy"]).await;
    assert_eq!(status(&behind_proxy, &forwarded).await, 101);
    assert_eq!(status(&behind_proxy, &rewritten).await, 403);
}

/// What a browser asks and sends for `fetch` in a page of that origin.
#[tokio::test]
async fn a_page_that_may_connect_may_fetch_and_post() {
    let server = Server::start_with(["--allow-origin", "https://app.example"]).await;
    let preflight = async |origin: &str| {
        let asked = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "DELETE"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ];
        server.request("OPTIONS", "/devices-sockets?id=ann", &asked, b"").await.headers
    };
    let own = format!("http://{}", server.host);
    for origin in ["https://app.example", &own] {
        let allowed = format!("access-control-allow-origin: {origin}\r\n");
        let headers = preflight(origin).await;
        for header in [
            &*allowed,
            "access-control-allow-methods: get,post,delete\r\n",
            "access-control-allow-headers: authorization,content-type\r\n",
        ] {
            assert!(headers.contains(header), "{header} is not in {headers}");
        }
        let mut tab = server.open("/device-ws?id=ann").await;
        let origin = [("Origin", origin)];
        let post = server.request("POST", "/devices?id=ann", &origin, br#"{"name":"Phone"}"#).await;
        assert!(post.status == 201 && post.headers.contains(&allowed), "{post:?}");
        assert_eq!(tab.text().await, "update");
        let get = server.request("GET", "/devices?id=ann", &origin, b"").await;
        assert!(get.headers.contains(&allowed), "{get:?}");
        assert!(get.headers.contains("access-control-expose-headers: server-time,retry-after\r\n"), "{get:?}");
        let refused = server.request("GET", "/devices", &origin, b"").await;
        assert!(refused.status == 400 && refused.headers.contains(&allowed), "it cannot read why: {refused:?}");
    }

    for origin in ["https://evil.example", "http://app.example", "null"] {
        let headers = preflight(origin).await;
        assert!(!headers.contains("access-control-allow-origin"), "{origin}: {headers}");
        let post = server.request("POST", "/devices?id=bob", &[("Origin", origin)], br#"{"name":"Phone"}"#).await;
        post.refusal(403);
        assert!(!post.headers.contains("access-control-allow-origin"), "{origin}: {post:?}");
    }
    assert_eq!(server.get("/devices?id=bob").await.body, "[]");
}

#[tokio::test]
async fn the_code_leads_to_where_clients_find_the_server() {
    let code = async |server: &Server, headers: &[(&str, &str)]| {
        server.request("GET", "/qr.svg?id=ann&name=Phone", headers, b"").await.body
    };
    let picture = |base: &str| {
        let code = qrcode::QrCode::new(format!("{base}/onboard?id=ann&name=Phone")).expect("the link is short");
        code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build()
    };
    let forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "live.example")];

    let server = Server::start().await;
    assert_eq!(code(&server, &forwarded).await, picture(&format!("http://{}", server.host)));
    let server = Server::start_with(["--trust-proxy"]).await;
    assert_eq!(code(&server, &forwarded).await, picture("https://live.example"));
    let server = Server::start_with(["--public-url", "https://live.example"]).await;
    assert_eq!(code(&server, &[]).await, picture("https://live.example"));
}
