//! Where something stands in a file: byte offsets, and the lines and columns that people read.
//! The only arithmetic on offsets.

/// A range of bytes in one of the files that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The index of the file.
    pub file: u32,
    /// The first byte.
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name as the user wrote it; `-` is standard input.
    pub name: String,
    /// Its text.
    pub text: String,
    lines: Vec<u32>,
}

/// A place as people read it, counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Source {
    /// A file with its text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at as u32 + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    /// The line and column of a byte.
    pub fn position(&self, offset: u32) -> LineColumn {
        let offset = offset.min(self.text.len() as u32);
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines[line - 1] as usize;
        let before = self.text.get(start..offset as usize).unwrap_or("");
        LineColumn { line, column: before.chars().count() + 1 }
    }

    /// The range of bytes of the lines that a span touches, with so many lines before and after, and the number of the first.
    pub fn window(&self, span: Span, around: usize) -> (std::ops::Range<usize>, usize) {
        let last = self.lines.len();
        let line_of = |offset: u32| self.lines.partition_point(|start| *start <= offset).max(1);
        let first = line_of(span.start).saturating_sub(around).max(1);
        let until = (line_of(span.end.max(span.start)) + around).min(last);
        let end = if until < last { self.lines[until] as usize } else { self.text.len() };
        (self.lines[first - 1] as usize..end, first)
    }
}
