//! What goes wrong between us and a mail server, told in the server's words and with what to do about it.

use shouwen_kernel::{Lang, text};

/// The kinds that call for different advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The name cannot be resolved.
    Host,
    /// The host lies inside a private network and was not allowed by name.
    Private,
    /// Nobody listens at the port, or a firewall refuses.
    Refused,
    /// No answer in time.
    Timeout,
    /// TLS was spoken to a server that does not, or the other way round.
    TlsMismatch,
    /// The server offers no STARTTLS.
    NoStartTls,
    /// The certificate is not one we may trust.
    Certificate,
    /// The other side speaks another protocol.
    Protocol,
    /// The login was refused.
    Login,
    /// The token endpoint gave no access token.
    Token,
    /// The folder does not exist or may not be opened.
    Folder,
    /// The server answered with a refusal of another kind.
    Refusal,
    /// The connection broke.
    Lost,
    /// Trouble of our own (database, keys).
    Inside,
}

impl Why {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Private => "private",
            Self::Refused => "port",
            Self::Timeout => "timeout",
            Self::TlsMismatch => "tls",
            Self::NoStartTls => "starttls",
            Self::Certificate => "certificate",
            Self::Protocol => "protocol",
            Self::Login => "login",
            Self::Token => "token",
            Self::Folder => "folder",
            Self::Refusal => "refused",
            Self::Lost => "lost",
            Self::Inside => "inside",
        }
    }

    /// What to do about it.
    pub const fn advice(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Host, Lang::Zh) => "服务器地址找不到：请检查主机名的拼写（例如 imap.example.com），并确认本机的 DNS 可用。",
            (Self::Host, Lang::En) => "The server's name cannot be found: check its spelling (like imap.example.com) and that this machine's DNS works.",
            (Self::Private, Lang::Zh) => "这台主机在内网：请改用公网主机名；确实是自己的邮件服务器时，请管理员在启动服务时加上 --allow-private-host 主机名（链路本地地址一律拒绝）。",
            (Self::Private, Lang::En) => "This host lies inside a private network: use a public name; if it really is your own mail server, have the operator start the server with --allow-private-host and its name (link-local addresses are always refused).",
            (Self::Refused, Lang::Zh) => "该端口没有服务在监听：请检查端口号（IMAP 993 或 143，POP3 995 或 110，SMTP 465、587 或 25）以及防火墙。",
            (Self::Refused, Lang::En) => "Nobody listens at that port: check its number (IMAP 993 or 143, POP3 995 or 110, SMTP 465, 587 or 25) and the firewall.",
            (Self::Timeout, Lang::Zh) => "服务器没有及时应答：请检查主机名、端口和防火墙；端口填错或选错加密方式时也会这样。",
            (Self::Timeout, Lang::En) => "The server did not answer in time: check host, port and firewall; a wrong port or the wrong protection looks like this too.",
            (Self::TlsMismatch, Lang::Zh) => "端口与加密方式不相符：993、995、465 用 TLS；143、110、587 通常用 STARTTLS。请更换端口或加密方式。",
            (Self::TlsMismatch, Lang::En) => "Port and protection do not fit together: 993, 995 and 465 speak TLS; 143, 110 and 587 usually STARTTLS. Change one of them.",
            (Self::NoStartTls, Lang::Zh) => "该服务器不支持 STARTTLS：请改用 TLS（端口 993、995 或 465）；只有服务器在可信网络内时才可以选择不加密。",
            (Self::NoStartTls, Lang::En) => "The server offers no STARTTLS: use TLS (port 993, 995 or 465); choose none only for a server inside a trusted network.",
            (Self::Certificate, Lang::Zh) => "服务器证书不可信：请检查主机名是否与证书一致、证书是否过期；内部服务器请填写自己的 CA 证书，或明确允许自签名证书。",
            (Self::Certificate, Lang::En) => "The server's certificate cannot be trusted: check that the host name is the one in the certificate and that it has not expired; for a server of your own, paste its CA certificate or explicitly allow a self-signed one.",
            (Self::Protocol, Lang::Zh) => "对方不是这种邮件服务器：请检查协议（IMAP、POP3、SMTP）与端口是否对应。",
            (Self::Protocol, Lang::En) => "The other side is no mail server of this kind: check that protocol (IMAP, POP3, SMTP) and port belong together.",
            (Self::Login, Lang::Zh) => "用户名或密码被拒绝：许多邮箱（QQ、163、Gmail、Outlook）要求先在网页端开启 IMAP/SMTP，并使用授权码或应用专用密码，而不是登录密码；OAuth 令牌可能已过期。",
            (Self::Login, Lang::En) => "User name or password was refused: many providers (QQ, 163, Gmail, Outlook) want IMAP/SMTP switched on in their web pages and an authorisation code or app password instead of the login password; an OAuth token may have expired.",
            (Self::Token, Lang::Zh) => "没有取得 OAuth 访问令牌：授权可能已过期或被撤销。请核对令牌地址、客户端 ID 与密钥、scope，必要时在邮箱服务商处重新授权，并填入新的刷新令牌。",
            (Self::Token, Lang::En) => "No OAuth access token was given: the authorisation may have expired or been revoked. Check token endpoint, client id and secret, and scope; if need be grant access again at the provider and enter the new refresh token.",
            (Self::Folder, Lang::Zh) => "登录成功，但文件夹打不开：请检查文件夹名称（收件箱为 INBOX）。",
            (Self::Folder, Lang::En) => "The login worked, but the folder cannot be opened: check its name (the inbox is INBOX).",
            (Self::Refusal, Lang::Zh) => "服务器拒绝了请求，原因见上面的服务器原文；必要时请联系邮箱管理员。",
            (Self::Refusal, Lang::En) => "The server refused; its own words above say why. If they do not help, ask whoever runs the mail server.",
            (Self::Lost, Lang::Zh) => "连接中途断开：如果反复出现，请检查网络，或服务器对连接数的限制。",
            (Self::Lost, Lang::En) => "The connection broke: if it happens again and again, check the network and the server's limit on connections.",
            (Self::Inside, Lang::Zh) => "本机出错，服务器没有问题：请查看日志或运行 shouwen doctor。",
            (Self::Inside, Lang::En) => "Something failed on our side, not the server's: see the log or run shouwen doctor.",
        }
    }
}

/// One trouble with a server.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub why: Why,
    /// The server's own words, or the system's; one line.
    pub words: String,
}

impl Trouble {
    /// A trouble with words made one line and short.
    pub fn new(why: Why, words: impl AsRef<str>) -> Self {
        Self { why, words: text::clip(&text::one_line(words.as_ref()), 500) }
    }

    /// A connection that could not be made or broke.
    pub fn io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as E;
        let words = error.to_string();
        if let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            return Self::tls(tls);
        }
        let why = match error.kind() {
            E::ConnectionRefused | E::HostUnreachable | E::NetworkUnreachable | E::AddrNotAvailable => Why::Refused,
            E::TimedOut => Why::Timeout,
            _ => Why::Lost,
        };
        Self::new(why, words)
    }

    /// A TLS handshake that failed.
    pub fn tls(error: &rustls::Error) -> Self {
        let why = match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Why::Certificate,
            rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } | rustls::Error::InappropriateHandshakeMessage { .. } => Why::TlsMismatch,
            rustls::Error::AlertReceived(_) => Why::TlsMismatch,
            _ => Why::TlsMismatch,
        };
        Self::new(why, error.to_string())
    }

    /// No answer within `seconds`.
    pub fn timeout(doing: &str, seconds: u64) -> Self {
        Self::new(Why::Timeout, format!("{doing}: no answer within {seconds} s"))
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.why.code(), self.words)
    }
}

impl From<shouwen_kernel::Problem> for Trouble {
    fn from(problem: shouwen_kernel::Problem) -> Self {
        Self::new(Why::Inside, problem.to_string())
    }
}
