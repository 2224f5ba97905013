//! Turns a document written in Markdown into the HTML of a page of the console. The documents are ours and compiled in, and still no HTML of
//! theirs reaches the page: it would be shown as text.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Renders a document from its title on: what stands before it leads to the same document in the other language. `leads_to` says what
/// address a link gets; with `None` only its text is shown.
pub(crate) fn render(text: &str, leads_to: impl Fn(&str) -> Option<String>) -> String {
    let events = read(text);
    let mut shown = Vec::new();
    let mut is_link_shown = true;
    for (place, event) in events.iter().enumerate() {
        if let Event::Start(Tag::Heading { level, .. }) = event {
            let id = Some(anchor(&heading(&events, place)).into());
            shown.push(Event::Start(Tag::Heading { level: *level, id, classes: Vec::new(), attrs: Vec::new() }));
        } else if let Event::Start(Tag::Link { link_type, dest_url, title, id }) = event {
            let target = leads_to(dest_url);
            is_link_shown = target.is_some();
            shown.extend(target.map(|target| {
                let (dest_url, title, id) = (target.into(), title.clone(), id.clone());
                Event::Start(Tag::Link { link_type: *link_type, dest_url, title, id })
            }));
        } else if *event != Event::End(TagEnd::Link) || is_link_shown {
            shown.extend(in_our_markup(event));
        }
    }
    let mut body = String::new();
    html::push_html(&mut body, shown.into_iter());
    body
}

/// The `id` of a heading: its words in lower case, joined by hyphens, without other signs.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = |sign: char| match sign {
        ' ' => Some('-'),
        sign => (sign.is_alphanumeric() || sign == '-' || sign == '_').then_some(sign),
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

/// The texts of all headings.
#[cfg(test)]
pub(super) fn headings(text: &str) -> Vec<String> {
    let events = read(text);
    let begins = |place: &usize| matches!(events.get(*place), Some(Event::Start(Tag::Heading { .. })));
    (0..events.len()).filter(begins).map(|place| heading(&events, place)).collect()
}

fn read(text: &str) -> Vec<Event<'_>> {
    let is_title = |event: &Event<'_>| matches!(event, Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }));
    Parser::new_ext(text, Options::ENABLE_TABLES).skip_while(|event| !is_title(event)).collect()
}

/// The text of the heading that begins at this place.
fn heading(events: &[Event<'_>], place: usize) -> String {
    let inside = events.iter().skip(place).take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let mut text = String::new();
    for event in inside {
        if let Event::Text(part) | Event::Code(part) = event {
            text.push_str(part);
        }
    }
    text
}

/// What is shown in place of an event. A wide table scrolls by itself, and a reader selects a block of code by a click.
fn in_our_markup<'a>(event: &Event<'a>) -> Vec<Event<'a>> {
    let html = |html: &'static str| Event::Html(html.into());
    if let Event::Html(text) | Event::InlineHtml(text) = event {
        return vec![Event::Text(text.clone())];
    }
    if matches!(event, Event::Start(Tag::CodeBlock(_))) {
        return vec![html("<pre tabindex=\"0\" data-copy>")];
    }
    if *event == Event::End(TagEnd::CodeBlock) {
        return vec![html("</pre>\n")];
    }
    if matches!(event, Event::Start(Tag::Table(_))) {
        return vec![html("<div class=\"wide\" tabindex=\"0\">"), event.clone()];
    }
    if *event == Event::End(TagEnd::Table) {
        return vec![event.clone(), html("</div>\n")];
    }
    vec![event.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> String {
        render(text, |link| (link != "nowhere.md").then(|| format!("/to/{link}")))
    }

    #[test]
    fn a_document_begins_with_its_title_and_its_headings_have_addresses() {
        let rendered = render("[English](../en/a.md)\n\n# 支付宝 `ali`\n\n## 申请 什么？\n", |_| None);
        let expect = "<h1 id=\"支付宝-ali\">支付宝 <code>ali</code></h1>\n<h2 id=\"申请-什么\">申请 什么？</h2>\n";
        assert_eq!(rendered, expect);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_its_text() {
        assert_eq!(
            body("# T\n\n[a](a.md) [b *c*](nowhere.md) d"),
            "<h1 id=\"t\">T</h1>\n<p><a href=\"/to/a.md\">a</a> b <em>c</em> d</p>\n"
        );
    }

    #[test]
    fn html_in_a_document_is_shown_as_text() {
        let shown = body("# T\n\n<script>alert(1)</script>\n\na <b onclick=x>b</b>\n\n```html\n<i>\n```\n");
        assert!(!shown.contains("<script") && !shown.contains("<b ") && !shown.contains("<i>"), "{shown}");
        assert!(shown.contains("&lt;script&gt;") && shown.contains("data-copy>&lt;i&gt;"), "{shown}");
    }

    #[test]
    fn a_table_scrolls_by_itself() {
        let shown = body("# T\n\n| a | b |\n|---|---|\n| `c` | d |\n");
        assert!(shown.contains("<div class=\"wide\" tabindex=\"0\"><table><thead>"), "{shown}");
        assert!(shown.contains("<td><code>c</code></td><td>d</td>") && shown.contains("</table>\n</div>"), "{shown}");
    }
}
