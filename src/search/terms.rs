//! Words of texts, and the stored terms by which a job is found.

/// Letters from which the beginning of a word is looked up.
const SHORTEST: usize = 3;
/// Letters of a term at most; longer words are found by their beginning.
const LONGEST: usize = 24;
/// Terms of a document at most.
const MAX_TERMS: usize = 200;

/// The terms to store with a document: its words of 3 letters and more in lower case, cut at 24, and their beginnings from
/// 3 letters, each once, at most 200. Words come before beginnings, so that a long text loses beginnings first.
pub fn terms_of<T: AsRef<str>>(texts: &[T]) -> Vec<String> {
    let words = texts.iter().flat_map(|text| words_of(text.as_ref()));
    let words: Vec<String> = words.collect();
    let words = words
        .iter()
        .filter_map(|word| beginning(word, LONGEST).filter(|_| letters(word) >= SHORTEST));
    let words: Vec<&str> = words.collect();
    let beginnings = words
        .iter()
        .flat_map(|word| (SHORTEST..letters(word)).filter_map(|length| beginning(word, length)));
    let mut seen = std::collections::HashSet::new();
    words
        .iter()
        .copied()
        .chain(beginnings)
        .filter(|term| seen.insert(*term))
        .take(MAX_TERMS)
        .map(str::to_owned)
        .collect()
}

/// The term to look up: the longest of the words, when one has 3 letters or more. Further words are for
/// [`super::Filters::matches`].
pub fn lookup_word(words: &[String]) -> Option<String> {
    let words: Vec<String> = words.iter().flat_map(|phrase| words_of(phrase)).collect();
    let longest = words.iter().rev().max_by_key(|word| letters(word))?;
    (letters(longest) >= SHORTEST)
        .then(|| beginning(longest, LONGEST).map(str::to_owned))
        .flatten()
}

/// Whether looking up [`lookup_word`] answers all of the words, so that nothing remains to be matched.
pub fn lookup_is_enough(words: &[String]) -> bool {
    let words: Vec<String> = words.iter().flat_map(|phrase| words_of(phrase)).collect();
    match words.as_slice() {
        [] => true,
        [word] => (SHORTEST..=LONGEST).contains(&letters(word)),
        _ => false,
    }
}

/// The words of a text, in lower case: runs of letters and digits of any script.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether the words of `phrase` follow each other in `text`, the last as the beginning of a word.
pub(super) fn has_phrase(text: &[String], phrase: &[String]) -> bool {
    let Some((last, first)) = phrase.split_last() else {
        return true;
    };
    text.windows(phrase.len()).any(|window| {
        let (end, begin) = (&window[phrase.len() - 1], &window[..first.len()]);
        begin == first && end.starts_with(last.as_str())
    })
}

fn letters(word: &str) -> usize {
    word.chars().count()
}

/// The first letters of a word, all when it has no more.
fn beginning(word: &str, length: usize) -> Option<&str> {
    word.get(
        ..word
            .char_indices()
            .nth(length)
            .map_or(word.len(), |(end, _)| end),
    )
}
