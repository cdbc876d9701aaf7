//! The tree as a serde `Deserializer`. The schema has been checked before, so errors here are faults of hagen;
//! they still carry the place where they arose.

use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::Span;
use super::node::{Entry, Node, NodeKind, ScalarType};

/// A value that does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TypeError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
}

impl de::Error for TypeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), span: None }
    }
}

fn placed<T>(node: &Node, result: Result<T, TypeError>) -> Result<T, TypeError> {
    result.map_err(|error| TypeError { span: error.span.or(Some(node.span)), ..error })
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
            let text = self.text()?;
            let value: $type = placed(self, text.parse().map_err(|_| de::Error::custom(format!("`{text}` does not fit"))))?;
            placed(self, visitor.$visit(value))
        }
    )*};
}

impl Node {
    fn text(&self) -> Result<&str, TypeError> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Ok(&scalar.text),
            _ => {
                placed(self, Err(de::Error::custom(format!("{} stands where a single value belongs", self.describe()))))
            }
        }
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        let result = match &self.kind {
            NodeKind::List(items) => visitor.visit_seq(Items(items.iter())),
            NodeKind::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
            NodeKind::Scalar(scalar) => match scalar.kind() {
                ScalarType::Null => visitor.visit_unit(),
                ScalarType::Bool(value) => visitor.visit_bool(value),
                ScalarType::Integer => match scalar.text.parse::<i64>() {
                    Ok(value) => visitor.visit_i64(value),
                    Err(_) => visitor.visit_borrowed_str(&scalar.text),
                },
                ScalarType::Float => match scalar.text.parse::<f64>() {
                    Ok(value) if value.is_finite() => visitor.visit_f64(value),
                    _ => visitor.visit_borrowed_str(&scalar.text),
                },
                ScalarType::Text => visitor.visit_borrowed_str(&scalar.text),
            },
        };
        placed(self, result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.scalar().map(super::node::Scalar::kind) {
            Some(ScalarType::Bool(value)) => visitor.visit_bool(value),
            _ => placed(self, Err(de::Error::custom("neither true nor false"))),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        // The written text, whatever YAML makes of it: so that verbatim values stay as they are.
        placed(self, visitor.visit_borrowed_str(self.text()?))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if self.is_null() { visitor.visit_none() } else { placed(self, visitor.visit_some(self)) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, TypeError> {
        placed(self, visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let variant: de::value::StrDeserializer<'de, TypeError> = self.text()?.into_deserializer();
        placed(self, visitor.visit_enum(variant))
    }

    numbers!(
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64
    );

    serde::forward_to_deserialize_any! { char bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any }
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = TypeError;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, TypeError> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
}

struct Entries<'a> {
    rest: std::slice::Iter<'a, Entry>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = TypeError;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, TypeError> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(&entry.value);
        let key: de::value::BorrowedStrDeserializer<'de, TypeError> =
            de::value::BorrowedStrDeserializer::new(&entry.key);
        seed.deserialize(key).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TypeError> {
        match self.value.take() {
            Some(node) => seed.deserialize(node),
            None => Err(de::Error::custom("a value without a key")),
        }
    }
}
