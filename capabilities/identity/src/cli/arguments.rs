//! The shape of `shouwen admin …`.

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "shouwen admin",
    about = "People and their ways in. Works offline, on the database itself.",
    after_help = "Examples:\n  shouwen admin user create --email ana@example.com --name 'Ana Ruiz' --role administrator --random-password\n  shouwen admin user change-password --email ana@example.com < password.txt\n  shouwen admin reset-2fa --email ana@example.com\n  shouwen admin sessions revoke --all\n\nExit codes: 0 done, 1 refused or failed, 2 wrong arguments.",
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create, list and change accounts.
    #[command(subcommand, after_help = "Example: shouwen admin user list --json")]
    User(User),
    /// Remove a person's second factor and recovery codes; ends their sessions.
    #[command(name = "reset-2fa", after_help = "Example: shouwen admin reset-2fa --email ana@example.com")]
    ResetMfa(Who),
    /// Forget a person's failed sign-ins.
    #[command(after_help = "Example: shouwen admin unlock --email ana@example.com")]
    Unlock(Who),
    /// End sessions.
    #[command(subcommand, after_help = "Example: shouwen admin sessions revoke --all")]
    Sessions(Sessions),
    /// API tokens.
    #[command(subcommand, after_help = "Example: shouwen admin token create --email ana@example.com --name export --permissions case.read,insight.read")]
    Token(Token),
}

#[derive(clap::Args)]
pub(super) struct Who {
    /// The e-mail address the person signs in with.
    #[arg(long)]
    pub email: String,
}

#[derive(Subcommand)]
pub(super) enum User {
    /// Create an account. The password comes from SHOUWEN_PASSWORD, standard input, or --random-password.
    #[command(after_help = "Example: shouwen admin user create --email ana@example.com --name 'Ana Ruiz' --role agent --random-password")]
    Create {
        /// The e-mail address to sign in with.
        #[arg(long)]
        email: String,
        /// The name colleagues see.
        #[arg(long)]
        name: String,
        /// Key of a built-in role, for the whole workspace; may be given several times.
        #[arg(long = "role", default_value = "agent")]
        roles: Vec<String>,
        /// Make a password and print it.
        #[arg(long)]
        random_password: bool,
        /// The first sign-in must set another password.
        #[arg(long)]
        must_change_password: bool,
        /// No password: print an invitation token instead.
        #[arg(long, conflicts_with_all = ["random_password", "must_change_password"])]
        invite: bool,
    },
    /// List the accounts.
    #[command(after_help = "Example: shouwen admin user list")]
    List,
    /// Set a password; ends the person's sessions.
    #[command(after_help = "Example: SHOUWEN_PASSWORD=… shouwen admin user change-password --email ana@example.com")]
    ChangePassword {
        #[command(flatten)]
        who: Who,
        /// Make a password and print it.
        #[arg(long)]
        random_password: bool,
        /// The next sign-in must set another password.
        #[arg(long)]
        must_change_password: bool,
    },
    /// The next sign-in must set a new password; ends the person's sessions.
    #[command(after_help = "Example: shouwen admin user must-change-password --email ana@example.com")]
    MustChangePassword(Who),
    /// Deactivate an account; sessions and API tokens are dead at once. What the person did stays.
    #[command(alias = "delete", after_help = "Example: shouwen admin user deactivate --email ana@example.com")]
    Deactivate(Who),
    /// Activate an account again.
    #[command(after_help = "Example: shouwen admin user activate --email ana@example.com")]
    Activate(Who),
    /// Give a built-in role for the whole workspace.
    #[command(after_help = "Example: shouwen admin user grant --email ana@example.com --role administrator")]
    Grant {
        #[command(flatten)]
        who: Who,
        /// Key of a built-in role.
        #[arg(long)]
        role: String,
    },
    /// Make an API token (the same as `token create`).
    #[command(after_help = "Example: shouwen admin user generate-access-token --email ana@example.com --name export")]
    GenerateAccessToken(NewToken),
}

#[derive(Subcommand)]
pub(super) enum Sessions {
    /// End the sessions of one person, or of everybody.
    #[command(after_help = "Example: shouwen admin sessions revoke --email ana@example.com")]
    Revoke {
        /// The e-mail address the person signs in with.
        #[arg(long, required_unless_present = "all", conflicts_with = "all")]
        email: Option<String>,
        /// Everybody's.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Subcommand)]
pub(super) enum Token {
    /// Make an API token for a person and print it, once.
    #[command(after_help = "Example: shouwen admin token create --email ana@example.com --name export --expires 2027-01-01T00:00:00Z")]
    Create(NewToken),
}

#[derive(clap::Args)]
pub(super) struct NewToken {
    #[command(flatten)]
    pub who: Who,
    /// What it is for.
    #[arg(long)]
    pub name: String,
    /// At most these permissions, with commas between; absent: all the person has.
    #[arg(long, value_delimiter = ',')]
    pub permissions: Option<Vec<String>>,
    /// RFC 3339 instant.
    #[arg(long)]
    pub expires: Option<String>,
}
