//! The known paths that were probably meant, by the words that they share.

use crate::nearest;

/// At most `most` of `known`, the nearest first: their last part has at least half of the words of the wanted one's.
/// Paths are parts with `/` between, words have `-` or `_` between.
#[must_use]
pub fn near_paths<'a>(wanted: &str, known: &[&'a str], most: usize) -> Vec<&'a str> {
    let words = words(wanted);
    let mut scored: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|path| {
            let theirs = self::words(path);
            let shared = theirs.iter().filter(|word| is_among(word, &words)).count();
            let start = theirs.iter().zip(&words).take_while(|(a, b)| a == b).count();
            (shared * 2 >= words.len().max(1)).then_some((shared + start, *path))
        })
        .collect();
    scored.sort_by_key(|(score, path)| (std::cmp::Reverse(*score), path.len(), *path));
    scored.into_iter().take(most).map(|(_, path)| path).collect()
}

/// Whether a word is one of these, but for a slip.
fn is_among(word: &str, words: &[String]) -> bool {
    // Short words differ by one letter and mean something else: `1b`, `8b`.
    words.iter().any(|known| known == word || word.len() > 3 && nearest(known, &[word]).is_some())
}

/// The words of the last part, in small letters.
fn words(path: &str) -> Vec<String> {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.split(['-', '_']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::near_paths;

    #[test]
    fn a_name_with_the_same_beginning_and_words_is_near() {
        let known = [
            "nim/meta/llama-3.1-8b-instruct",
            "nim/nvidia/llama-3.1-nemotron-nano-8b-v1",
            "nim/nvidia/nv-embedqa-e5-v5",
            "nim/meta/llama-3.1-70b-instruct",
        ];
        let near = near_paths("nim/meta/llama-3.1-nemotron-nano-8b-instruct", &known, 2);
        assert_eq!(near, ["nim/nvidia/llama-3.1-nemotron-nano-8b-v1", "nim/meta/llama-3.1-8b-instruct"]);
        assert_eq!(near_paths("nim/other/nv-embedqa-e5-v5", &known, 1), ["nim/nvidia/nv-embedqa-e5-v5"]);
        assert_eq!(near_paths("nim/meta/whisper", &known, 3), [""; 0]);
        assert_eq!(near_paths("nvidia/pytoch", &["nvidia/pytorch", "nvidia/tritonserver"], 3), ["nvidia/pytorch"]);
    }
}
