//! Requirements of the project, installed inside once for each container and each text of their file.

use std::path::PathBuf;

use mops_containers::engine::Command;
use mops_containers::marker;
use mops_host::fsx;

use super::{LINES, Up};
use crate::args::EnvUpArgs;
use crate::containers::{failed, here, plain, told};
use crate::exit::{Failure, Sort};

/// A file that pip is to install from.
pub(super) struct Wanted {
    /// Relative to the folder.
    file: PathBuf,
    bytes: Vec<u8>,
    force: bool,
}

impl Wanted {
    /// The file of the arguments, which has to be one that the container sees.
    pub(super) fn read(args: &EnvUpArgs) -> Result<Option<Self>, Failure> {
        let Some(given) = &args.requirements else { return Ok(None) };
        let name = given.display();
        let found = given.canonicalize().and_then(|path| Ok((fsx::read(&path)?, path)));
        let (bytes, path) = found.map_err(|error| {
            Failure::usage(
                format!("`{name}` cannot be read: {}", fsx::reason(&error)),
                "check the path and its permissions",
            )
        })?;
        let file = path.strip_prefix(here()?).map(PathBuf::from);
        let file = file.map_err(|_| {
            Failure::usage(format!("`{name}` is outside of this folder"), "the container sees this folder only")
        })?;
        Ok(Some(Self { file, bytes, force: args.force_requirements }))
    }

    /// Installs what is not there yet.
    pub(super) async fn install(&self, up: &Up<'_>, id: &str) -> Result<(), Failure> {
        let path = up.site.folder.join(".mops").join(format!("requirements-{}", up.site.name));
        let mark = marker::of(id, &self.bytes);
        if !self.force && fsx::read_text(&path).is_ok_and(|known| known == mark) {
            return Ok(());
        }
        let inside = format!("{}/{}", up.settings.mount_at, self.file.display());
        up.app.printer.tell(&format!("installing {}", self.file.display()));
        let (command, mut tail) = (Command { argv: marker::command(&inside), ..Command::default() }, Tail::default());
        let code = up.site.run(&command, |_, bytes| tail.push(bytes, |line| up.app.printer.tell(line))).await;
        let code = code.map_err(|error| failed(&error, &up.site.name))?;
        tail.end(|line| up.app.printer.tell(line));
        if code != 0 {
            let text = format!("pip could not install `{}`: it ended with code {code}", self.file.display());
            let hint = "correct the line that pip names, then start again";
            return Err(told(Sort::Container, "RUN_REQUIREMENTS", &text, hint, tail.lines));
        }
        let kept =
            fsx::create_dir_all(&up.site.folder.join(".mops")).and_then(|()| fsx::replace(&path, mark.as_bytes()));
        if let Err(error) = kept {
            up.app.printer.note(&format!("the next run installs again: `{}`: {}", path.display(), fsx::reason(&error)));
        }
        Ok(())
    }
}

/// The last lines of an output.
#[derive(Default)]
struct Tail {
    rest: Vec<u8>,
    lines: Vec<String>,
}

impl Tail {
    fn push(&mut self, bytes: &[u8], mut shown: impl FnMut(&str)) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(&line, &mut shown);
        }
    }

    fn end(&mut self, mut shown: impl FnMut(&str)) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest, &mut shown);
        }
    }

    fn line(&mut self, line: &[u8], shown: &mut impl FnMut(&str)) {
        let line = plain(&String::from_utf8_lossy(line));
        shown(&line);
        self.lines.push(line);
        let last = usize::try_from(LINES).unwrap_or(usize::MAX);
        let extra = self.lines.len().saturating_sub(last);
        self.lines.drain(..extra);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_whole() {
        let (mut tail, mut shown) = (Tail::default(), Vec::new());
        (0..30).for_each(|n| tail.push(format!("line {n}\r\nha").as_bytes(), |line| shown.push(line.to_owned())));
        tail.end(|line| shown.push(line.to_owned()));
        assert_eq!((tail.lines.len(), tail.lines.last().map(String::as_str)), (20, Some("ha")));
        assert_eq!((shown.len(), shown[0].as_str(), shown[1].as_str()), (31, "line 0", "haline 1"));
    }
}
