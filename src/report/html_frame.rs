//! What every page has: head, policy, contents, sections, foot.
//!
//! Nothing is loaded from elsewhere, which the page's own
//! Content-Security-Policy enforces: it lets these very styles and this very
//! script be, and nothing else.

use base64::Engine as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

/// A page, but for what all pages have.
pub(super) struct Frame<'a> {
    /// Of the document and the first heading.
    pub(super) title: &'a str,
    /// What stands behind the program's name.
    pub(super) brand: &'static str,
    /// The line below the title.
    pub(super) sub: String,
    /// The first part; its id is `answer`.
    pub(super) answer: Markup,
    /// The others.
    pub(super) sections: &'a [Section],
    /// The foot.
    pub(super) footer: Markup,
    /// Style sheets behind [`STYLE`].
    pub(super) styles: &'a [&'static str],
    /// The script, without which the page is complete.
    pub(super) script: &'static str,
}

/// A part of the page.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// What stands below.
    pub(super) body: Markup,
}

/// A section, where there is something to say.
pub(super) fn section(
    id: &'static str,
    title: &'static str,
    body: Option<Markup>,
) -> Option<Section> {
    body.map(|body| Section { id, title, body })
}

impl Frame<'_> {
    /// The whole document.
    pub(super) fn write(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                (self.head())
                body {
                    a class="skip" href="#answer" { "Skip to the answer" }
                    header class="masthead" {
                        p class="brand" { "whychain" span class="brand-rest" { (self.brand) } }
                        h1 { (self.title) }
                        p class="sub" { (self.sub) }
                    }
                    div class="frame" {
                        (self.contents())
                        main {
                            (self.answer)
                            @for section in self.sections {
                                section id=(section.id) aria-labelledby={ (section.id) "-h" } {
                                    h2 id={ (section.id) "-h" } { (section.title) }
                                    (section.body)
                                }
                            }
                        }
                    }
                    (self.footer)
                    script { (PreEscaped(self.script)) }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        html! {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(self.policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "whychain " (env!("CARGO_PKG_VERSION")) };
                title { (self.title) }
                @for style in self.all_styles() { style { (PreEscaped(style)) } }
            }
        }
    }

    fn all_styles(&self) -> impl Iterator<Item = &str> {
        std::iter::once(STYLE).chain(self.styles.iter().copied())
    }

    fn policy(&self) -> String {
        let styles: Vec<String> = self.all_styles().map(source).collect();
        format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            styles.join(" "),
            source(self.script)
        )
    }

    /// The list of sections.
    fn contents(&self) -> Markup {
        html! {
            nav class="contents" aria-label="Contents" {
                ol {
                    li { a href="#answer" { "Answer" } }
                    @for section in self.sections {
                        li { a href={ "#" (section.id) } { (section.title) } }
                    }
                }
            }
        }
    }
}

/// A source expression for the page's policy: this very text and no other.
pub(super) fn source(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let encoded = base64::engine::general_purpose::STANDARD.encode(digest);
    format!("'sha256-{encoded}'")
}

/// Looks: light, dark, paper.
const STYLE: &str = include_str!("html.css");
