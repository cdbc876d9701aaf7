//! A serde serializer that writes block YAML: no tree is built between a value and its text.

use std::fmt::{self, Display, Write};

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::{push_blanks, push_literal};
use crate::render::quote::push_yaml;

/// What has no form in YAML as it is written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn refuse<T>(what: &str) -> Result<T, Error> {
    Err(Error(format!("{what} cannot stand in YAML")))
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind what a template wrote.
    Top,
    /// Behind a key.
    Entry,
    /// Behind the dash of an item: a map begins on the same line.
    Item,
    /// Before a colon: only a scalar may stand there, and it is a text whatever it looks like.
    Key,
}

/// A value about to be written.
pub struct Block<'o> {
    out: &'o mut String,
    /// How far maps and lists are indented here.
    indent: usize,
    place: Place,
}

impl<'o> Block<'o> {
    /// A value behind what a template wrote.
    pub const fn at_the_top(out: &'o mut String, indent: usize) -> Self {
        Self { out, indent, place: Place::Top }
    }

    fn scalar(self, value: impl Display) -> Result<(), Error> {
        if self.place == Place::Key {
            push_yaml(&value.to_string(), self.out);
            return Ok(());
        }
        write!(self.out, " {value}").map_err(|error| Error(error.to_string()))
    }

    fn entries(self) -> Result<Entries<'o>, Error> {
        match self.place {
            Place::Key => refuse("a map as a key"),
            place => Ok(Entries { out: self.out, indent: self.indent, inline: place == Place::Item, empty: true }),
        }
    }

    fn variant(self, variant: &str) -> Result<Entries<'o>, Error> {
        let mut entries = self.entries()?;
        ser::SerializeMap::serialize_key(&mut entries, variant)?;
        Ok(entries)
    }
}

impl<'o> Serializer for Block<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'o>;
    type SerializeTuple = Items<'o>;
    type SerializeTupleStruct = Items<'o>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Entries<'o>;
    type SerializeStruct = Entries<'o>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.scalar(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        i64::try_from(value).map_or_else(|_| refuse("so large a number"), |value| self.scalar(value))
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        u64::try_from(value).map_or_else(|_| refuse("so large a number"), |value| self.scalar(value))
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        // In the form of JSON: the shortest that reads back as the same number.
        self.scalar(serde_json::Value::from(value))
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if self.place != Place::Key {
            self.out.push(' ');
        }
        match self.place {
            Place::Top | Place::Key => push_yaml(value, self.out),
            Place::Entry | Place::Item => push_literal(self.out, value, self.indent),
        }
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        refuse("a run of bytes")
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.scalar("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.scalar("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.scalar("null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut entries = self.variant(variant)?;
        ser::SerializeMap::serialize_value(&mut entries, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'o>, Error> {
        match self.place {
            Place::Key => refuse("a list as a key"),
            _ => Ok(Items { out: self.out, indent: self.indent, empty: true }),
        }
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'o>, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'o>, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        refuse("a variant with several values")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'o>, Error> {
        self.entries()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries<'o>, Error> {
        self.entries()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        refuse("a variant with several values")
    }
}

/// A list whose items are being written.
pub struct Items<'o> {
    out: &'o mut String,
    indent: usize,
    empty: bool,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.empty = false;
        self.out.push('\n');
        push_blanks(self.out, self.indent);
        self.out.push('-');
        value.serialize(Block { out: self.out, indent: self.indent + 2, place: Place::Item })
    }

    fn close(self) {
        if self.empty {
            self.out.push_str(" []");
        }
    }
}

impl ser::SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl ser::SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl ser::SerializeTupleStruct for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

/// A map whose entries are being written.
pub struct Entries<'o> {
    out: &'o mut String,
    indent: usize,
    /// Whether the first entry stands behind a dash.
    inline: bool,
    empty: bool,
}

impl Entries<'_> {
    fn close(self) {
        if self.empty {
            self.out.push_str(" {}");
        }
    }
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        if self.empty && self.inline {
            self.out.push(' ');
        } else {
            self.out.push('\n');
            push_blanks(self.out, self.indent);
        }
        self.empty = false;
        key.serialize(Block { out: self.out, indent: 0, place: Place::Key })?;
        self.out.push(':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Block { out: self.out, indent: self.indent + 2, place: Place::Entry })
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl ser::SerializeStruct for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        ser::SerializeMap::serialize_entry(self, key, value)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}
