//! The functions that a policy may not call. Each would make two runs over one blueprint differ: it asks the clock, chance, the
//! network, the machine, or a file beside the input.

/// A function that is refused.
pub struct Refused {
    /// Its name.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arguments: u8,
    /// What it asks, in a phrase behind "it".
    pub asks: &'static str,
    /// What to do instead.
    pub instead: &'static str,
}

const FILES: &str =
    "write what the test needs into it as a value; `data` files can be read once and for all with `--data`";

/// The functions that are refused, by name.
pub const REFUSED: &[Refused] = &[
    Refused {
        name: "http.send",
        arguments: 1,
        asks: "asks the network",
        instead: "fetch the answer before, and give it to the policy as a file with `--data`",
    },
    Refused {
        name: "net.lookup_ip_addr",
        arguments: 1,
        asks: "asks the network",
        instead: "give the addresses to the policy as a file with `--data`",
    },
    Refused {
        name: "opa.runtime",
        arguments: 0,
        asks: "reads the environment of the process",
        instead: "give what the policy needs as a file with `--data`",
    },
    Refused { name: "parse_combined_config_files", arguments: 1, asks: "reads files beside the input", instead: FILES },
    Refused {
        name: "parse_config",
        arguments: 2,
        asks: "is conftest's own and reads other languages than YAML and JSON",
        instead: FILES,
    },
    Refused { name: "parse_config_file", arguments: 1, asks: "reads a file beside the input", instead: FILES },
    Refused {
        name: "rand.intn",
        arguments: 2,
        asks: "answers by chance",
        instead: "leave it out: two runs over one blueprint must find the same",
    },
    Refused {
        name: "time.now_ns",
        arguments: 0,
        asks: "reads the clock",
        instead: "give the day as a file with `--data`: two runs over one blueprint must find the same",
    },
    Refused {
        name: "uuid.rfc4122",
        arguments: 1,
        asks: "answers by chance",
        instead: "leave it out: two runs over one blueprint must find the same",
    },
];

/// The refused function of that name.
pub fn find(name: &str) -> Option<&'static Refused> {
    REFUSED.iter().find(|refused| refused.name == name)
}
