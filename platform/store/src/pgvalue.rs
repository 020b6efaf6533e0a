//! Values in PostgreSQL's binary format.

use std::error::Error;

use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, private::BytesMut};
use uuid::Uuid;

use crate::Value;

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let refuse = || format!("a value {self:?} was sent where PostgreSQL expects {ty}");
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(v) => match *ty {
                Type::INT8 => out.extend_from_slice(&v.to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&i32::try_from(*v)?.to_be_bytes()),
                Type::INT2 => out.extend_from_slice(&i16::try_from(*v)?.to_be_bytes()),
                Type::FLOAT8 => out.extend_from_slice(&(*v as f64).to_be_bytes()),
                Type::BOOL => out.extend_from_slice(&[u8::from(*v != 0)]),
                Type::XID8 => out.extend_from_slice(&(*v as u64).to_be_bytes()),
                Type::TEXT | Type::VARCHAR | Type::UNKNOWN => out.extend_from_slice(v.to_string().as_bytes()),
                _ => return Err(refuse().into()),
            },
            Self::Real(v) => match *ty {
                Type::FLOAT8 => out.extend_from_slice(&v.to_be_bytes()),
                Type::FLOAT4 => out.extend_from_slice(&(*v as f32).to_be_bytes()),
                _ => return Err(refuse().into()),
            },
            Self::Bool(v) => match *ty {
                Type::BOOL => out.extend_from_slice(&[u8::from(*v)]),
                Type::INT8 => out.extend_from_slice(&i64::from(*v).to_be_bytes()),
                Type::INT4 => out.extend_from_slice(&i32::from(*v).to_be_bytes()),
                _ => return Err(refuse().into()),
            },
            // PostgreSQL's text cannot hold a zero character; nothing a person wrote means one.
            Self::Text(v) => match *ty {
                Type::JSONB => {
                    out.extend_from_slice(&[1]);
                    out.extend_from_slice(v.as_bytes());
                }
                // In binary form eight characters would pass for a bigint.
                _ if !textual(ty) => return Err(refuse().into()),
                _ if v.contains('\0') => out.extend_from_slice(v.replace('\0', "").as_bytes()),
                _ => out.extend_from_slice(v.as_bytes()),
            },
            Self::Bytes(v) if *ty == Type::BYTEA => out.extend_from_slice(v),
            Self::Id(v) if *ty == Type::UUID => out.extend_from_slice(v.as_bytes()),
            Self::Bytes(_) | Self::Id(_) => return Err(refuse().into()),
            Self::Json(_) if *ty != Type::JSONB && !textual(ty) => return Err(refuse().into()),
            Self::Json(v) => {
                if *ty == Type::JSONB {
                    out.extend_from_slice(&[1]);
                }
                // jsonb refuses an escaped zero character.
                if v.contains("\\u0000") {
                    out.extend_from_slice(v.replace("\\u0000", "").as_bytes());
                } else {
                    out.extend_from_slice(v.as_bytes());
                }
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

/// The values of one parameter over many rows: an array.
#[derive(Debug)]
pub(crate) struct Column(Vec<Value>);

impl Column {
    /// Rows turned into `count` columns.
    pub(crate) fn of(count: usize, rows: Vec<Vec<Value>>) -> Vec<Self> {
        let mut columns: Vec<Self> = (0..count).map(|_| Self(Vec::with_capacity(rows.len()))).collect();
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.0.push(value);
            }
        }
        columns
    }
}

impl ToSql for Column {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Kind::Array(element) = ty.kind() else { return Err(format!("rows were sent where PostgreSQL expects {ty}").into()) };
        let nulls = i32::from(self.0.iter().any(|v| matches!(v, Value::Null)));
        for word in [1, nulls, element.oid().cast_signed(), i32::try_from(self.0.len())?, 1] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        for value in &self.0 {
            let at = out.len();
            out.extend_from_slice(&(-1i32).to_be_bytes());
            if matches!(value.to_sql(element, out)?, IsNull::No) {
                let length = i32::try_from(out.len() - at - 4)?;
                out[at..at + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

fn textual(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON)
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::BOOL => Self::Bool(raw.first() == Some(&1)),
            Type::INT2 => Self::Int(i64::from(i16::from_be_bytes(raw.try_into()?))),
            Type::INT4 => Self::Int(i64::from(i32::from_be_bytes(raw.try_into()?))),
            Type::INT8 => Self::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::XID8 => Self::Int(u64::from_be_bytes(raw.try_into()?) as i64),
            Type::FLOAT4 => Self::Real(f64::from(f32::from_be_bytes(raw.try_into()?))),
            Type::FLOAT8 => Self::Real(f64::from_be_bytes(raw.try_into()?)),
            Type::NUMERIC => numeric(raw)?,
            Type::UUID => Self::Id(Uuid::from_slice(raw)?),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            Type::JSONB => Self::Json(std::str::from_utf8(raw.get(1..).unwrap_or_default())?.to_owned()),
            Type::JSON => Self::Json(std::str::from_utf8(raw)?.to_owned()),
            _ => Self::Text(std::str::from_utf8(raw)?.to_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// `sum(bigint)` is numeric on PostgreSQL and an integer on SQLite; read it as the latter when it has no fraction.
fn numeric(raw: &[u8]) -> Result<Value, Box<dyn Error + Sync + Send>> {
    let word = |i: usize| -> Result<i16, Box<dyn Error + Sync + Send>> {
        Ok(i16::from_be_bytes(raw.get(i * 2..i * 2 + 2).ok_or("a numeric value is cut short")?.try_into()?))
    };
    let (digits, weight, sign) = (word(0)?, i32::from(word(1)?), word(2)?);
    let mut real = 0.0f64;
    let mut integer: i64 = 0;
    let mut whole = true;
    for i in 0..digits {
        let digit = word(4 + usize::try_from(i)?)?;
        let power = weight - i32::from(i);
        real += f64::from(digit) * 10_000f64.powi(power);
        match u32::try_from(power).ok().and_then(|p| 10_000i64.checked_pow(p)).and_then(|p| p.checked_mul(i64::from(digit))).and_then(|v| integer.checked_add(v)) {
            Some(sum) => integer = sum,
            None => whole = digit == 0 && whole,
        }
    }
    let negative = sign == 0x4000;
    Ok(if whole { Value::Int(if negative { -integer } else { integer }) } else { Value::Real(if negative { -real } else { real }) })
}
