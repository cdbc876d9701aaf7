//! Which node of a Redis Cluster serves which slots: what `CLUSTER NODES` and `CLUSTER SHARDS` print.

use std::collections::BTreeMap;

use serde_json::Value;

/// The layout of a cluster as one of its nodes sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Where it comes from: what people named.
    pub source: String,
    /// The region, where people said which.
    pub name: Option<String>,
    /// The nodes.
    pub nodes: Vec<Member>,
}

/// A node of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// The id that it gave itself.
    pub id: String,
    /// What it is called by others: its address and, where it has one, its host name.
    pub hosts: Vec<String>,
    /// The port for clients.
    pub port: u16,
    /// The node that it copies; none where it is a primary.
    pub primary: Option<String>,
    /// The slots that it serves, first and last of each range.
    pub slots: Vec<(u16, u16)>,
    /// Whether the others found that it does not answer.
    pub failed: bool,
}

/// What `CLUSTER NODES` prints; nothing where the text is something else.
pub fn nodes(text: &str) -> Option<Vec<Member>> {
    let members: Option<Vec<Member>> = text.lines().filter(|line| !line.trim().is_empty()).map(member).collect();
    members.filter(|members| !members.is_empty())
}

/// `ID HOST:PORT@BUS[,HOSTNAME] FLAGS PRIMARY PING PONG EPOCH LINK [SLOTS…]`
fn member(line: &str) -> Option<Member> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, address, flags, primary, _, _, _, _, slots @ ..] = &words[..] else { return None };
    if id.len() != 40 {
        return None;
    }
    let (address, names) = address.split_once(',').map_or((*address, ""), |(address, names)| (address, names));
    let (address, _) = address.split_once('@')?;
    let (host, port) = address.rsplit_once(':')?;
    // Behind a comma stands the host name, then what else it says of itself: `shard-id=…`.
    let hostname = names.split(',').next().filter(|name| !name.is_empty() && !name.contains('='));
    let ranges = slots.iter().filter(|slots| !slots.starts_with('['));
    Some(Member {
        id: (*id).to_owned(),
        hosts: [host].into_iter().chain(hostname).filter(|host| !host.is_empty()).map(str::to_owned).collect(),
        port: port.parse().ok()?,
        primary: (*primary != "-").then(|| (*primary).to_owned()),
        slots: ranges.map(|slots| range(slots)).collect::<Option<_>>()?,
        failed: flags.split(',').any(|flag| matches!(flag, "fail" | "noaddr")),
    })
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// What `redis-cli --json CLUSTER SHARDS` prints: objects, or lists of pairs as older ones write them.
pub fn shards(value: &Value) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    for shard in value.as_array().filter(|shards| !shards.is_empty())? {
        let shard = pairs(shard)?;
        let slots: Option<Vec<u16>> =
            shard.get("slots")?.as_array()?.iter().map(|slot| slot.as_u64()?.try_into().ok()).collect();
        let nodes: Option<Vec<BTreeMap<&str, &Value>>> = shard.get("nodes")?.as_array()?.iter().map(pairs).collect();
        let (slots, nodes) = (slots?, nodes?);
        let text = |node: &BTreeMap<&str, &Value>, key: &str| {
            node.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
        };
        let is_primary = |node: &&BTreeMap<&str, &Value>| text(node, "role") == "master";
        let primary = nodes.iter().find(is_primary).map(|node| text(node, "id"));
        for node in &nodes {
            let port = node.get("tls-port").or_else(|| node.get("port"))?.as_u64()?;
            let own = is_primary(&node);
            let mut hosts: Vec<String> = ["ip", "hostname", "endpoint"].iter().map(|key| text(node, key)).collect();
            hosts.retain(|host| !host.is_empty());
            hosts.dedup();
            members.push(Member {
                id: text(node, "id"),
                hosts,
                port: port.try_into().ok()?,
                primary: if own { None } else { primary.clone() },
                slots: if own { slots.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect() } else { Vec::new() },
                failed: text(node, "health") == "failed",
            });
        }
    }
    Some(members)
}

/// What a node that is in no cluster says of itself by `INFO replication`: it serves all slots, or copies who does.
#[cfg(feature = "live")]
pub fn replication(text: &str, address: &str) -> Option<Member> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let value = |key: &str| text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
    let primary = match value("role")? {
        "master" => None,
        _ => Some(name_of(value("master_host")?, value("master_port")?)),
    };
    Some(Member {
        id: name_of(host, port),
        hosts: vec![host.to_owned()],
        port: port.parse().ok()?,
        slots: if primary.is_none() { vec![ALL] } else { Vec::new() },
        primary,
        failed: false,
    })
}

/// All slots: what a primary under Sentinel serves.
const ALL: (u16, u16) = (0, 16_383);

fn name_of(host: &str, port: &str) -> String {
    format!("{host}:{port}")
}

/// What `redis-cli SENTINEL REPLICAS` prints: names and values in turn, one list behind the other.
pub fn replicas(text: &str) -> Option<Vec<Member>> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut members: Vec<Member> = Vec::new();
    let mut primaries: BTreeMap<String, Member> = BTreeMap::new();
    let mut of_one: BTreeMap<&str, &str> = BTreeMap::new();
    let mut finish = |one: &BTreeMap<&str, &str>| -> Option<()> {
        let (host, port) = (*one.get("ip")?, *one.get("port")?);
        let (of_host, of_port) = (*one.get("master-host")?, *one.get("master-port")?);
        let primary = name_of(of_host, of_port);
        let down = |flag: &str| matches!(flag, "s_down" | "o_down" | "disconnected");
        members.push(Member {
            id: name_of(host, port),
            hosts: vec![host.to_owned()],
            port: port.parse().ok()?,
            primary: Some(primary.clone()),
            slots: Vec::new(),
            failed: one.get("flags")?.split(',').any(down),
        });
        let port = of_port.parse().ok()?;
        let hosts = vec![of_host.to_owned()];
        primaries.insert(primary.clone(), Member { id: primary, hosts, port, slots: vec![ALL], ..Member::default() });
        Some(())
    };
    for pair in lines.chunks(2) {
        let [key, value] = pair else { return None };
        if *key == "name" && !of_one.is_empty() {
            finish(&of_one)?;
            of_one.clear();
        }
        of_one.insert(key, value);
    }
    finish(&of_one)?;
    // Whom a replica copies that is one itself is no primary.
    primaries.retain(|id, _| !members.iter().any(|member| member.id == *id));
    members.extend(primaries.into_values());
    Some(members)
}

/// A map, or a list of keys and values.
fn pairs(value: &Value) -> Option<BTreeMap<&str, &Value>> {
    match value {
        Value::Object(map) => Some(map.iter().map(|(key, value)| (key.as_str(), value)).collect()),
        Value::Array(items) => items.chunks(2).map(|pair| Some((pair.first()?.as_str()?, pair.get(1)?))).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sentinels_tell_of_replicas_and_their_primary() {
        let one = |port: &str, flags: &str| {
            format!(
                "name\n10.0.0.2:{port}\nip\n10.0.0.2\nport\n{port}\nrunid\n\nflags\n{flags}\n\
                 master-host\n10.0.0.1\nmaster-port\n6379\n"
            )
        };
        let text = format!("{}{}", one("6379", "slave"), one("6380", "s_down,slave"));
        let members = replicas(&text).unwrap();
        let primary = members.iter().find(|member| member.primary.is_none()).unwrap();
        assert_eq!((primary.id.as_str(), &primary.slots[..]), ("10.0.0.1:6379", &[(0, 16_383)][..]));
        let copies: Vec<(u16, bool)> =
            members.iter().filter(|m| m.primary.as_ref() == Some(&primary.id)).map(|m| (m.port, m.failed)).collect();
        assert_eq!(copies, [(6379, false), (6380, true)]);
        for other in ["", "maxmemory\n0\n", "name\nx\nip\n10.0.0.2\n"] {
            assert_eq!(replicas(other), None, "{other:?}");
        }
    }

    #[test]
    fn nodes_and_shards_tell_the_same() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let text = format!(
            "{a} 10.0.0.1:6379@16379,one.example.com myself,master - 0 0 1 connected 0-5460 5462 [5461->-{b}]\n\
             {b} 10.0.0.2:6379@16379 slave,fail {a} 0 0 1 connected\n"
        );
        let told = nodes(&text).unwrap();
        assert_eq!(told[0].hosts, ["10.0.0.1", "one.example.com"]);
        assert_eq!(told[0].slots, [(0, 5460), (5462, 5462)]);
        assert_eq!((told[1].primary.as_ref(), told[1].failed), (Some(&a), true));
        let node = |id: &str, ip: &str, role: &str, health: &str| {
            json!([
                "id",
                id,
                "port",
                6379,
                "ip",
                ip,
                "endpoint",
                ip,
                "role",
                role,
                "replication-offset",
                1,
                "health",
                health
            ])
        };
        let mut first = node(&a, "10.0.0.1", "master", "online");
        first.as_array_mut().unwrap().extend([json!("hostname"), json!("one.example.com")]);
        let value =
            json!([["slots", [0, 5460, 5462, 5462], "nodes", [first, node(&b, "10.0.0.2", "replica", "failed")]]]);
        let mut same = shards(&value).unwrap();
        same[0].hosts.truncate(2);
        assert_eq!(same, told);
        for other in ["maxmemory\n0\n", "", "a b c d e f g h i"] {
            assert_eq!(nodes(other), None);
        }
    }
}
