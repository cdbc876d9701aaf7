//! systemd units: sections and directives that exist; systemd itself only warns about others and goes on.

use super::known::{self, SYSTEMD_INSTALL, SYSTEMD_SERVICE, SYSTEMD_SLICE, SYSTEMD_TIMER, SYSTEMD_UNIT};
use super::{Fault, ini};

/// Checks a unit.
pub fn check(text: &str) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut section = "";
    let mut found: Vec<(&str, &str)> = Vec::new();
    let mut continued = false;
    for (number, line) in text.lines().enumerate() {
        let number = number as u32 + 1;
        let content = line.trim();
        let comment = content.starts_with(['#', ';']);
        let inside = continued;
        continued = (inside && comment) || (!comment && content.ends_with('\\'));
        if content.is_empty() || comment || inside {
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            if lists(section).is_empty() {
                faults.push(Fault::at(number, format!("systemd knows no section [{section}]")));
            }
            continue;
        }
        let Some((key, value)) = content.split_once('=') else {
            faults.push(Fault::at(number, format!("no directive: {content}")));
            continue;
        };
        let key = key.trim();
        if !lists(section).iter().any(|list| known::has(list, key)) && !lists(section).is_empty() {
            let hint = known::hint(lists(section), key);
            faults.push(Fault::at(
                number,
                format!("[{section}] knows no directive `{key}`, and systemd would go on without it{hint}"),
            ));
        }
        if section == "Environment" || (key == "Environment" && secret(value)) {
            faults.push(Fault::at(number, "a secret stands in Environment: it belongs into an EnvironmentFile"));
        }
        found.push((section, key));
    }
    let has = |section: &str, key: &str| found.contains(&(section, key));
    let service = found.iter().any(|(section, _)| *section == "Service");
    if service && !has("Service", "ExecStart") {
        faults.push(Fault::at(1, "a service without ExecStart starts nothing"));
    }
    let timer = found.iter().any(|(section, _)| *section == "Timer");
    if timer && !found.iter().any(|(section, key)| *section == "Timer" && key.starts_with("On")) {
        faults.push(Fault::at(1, "a timer without a time never fires"));
    }
    if found.is_empty() {
        faults.push(Fault::at(1, "the unit is empty"));
    }
    // The form of INI files holds here as well, but for names that may stand several times.
    faults.extend(ini::entries(text).1.into_iter().filter(|fault| fault.message.starts_with("the section")));
    faults
}

fn lists(section: &str) -> &'static [&'static str] {
    match section {
        "Unit" => &[SYSTEMD_UNIT],
        "Service" => &[SYSTEMD_SERVICE, SYSTEMD_SLICE],
        "Timer" => &[SYSTEMD_TIMER],
        "Slice" => &[SYSTEMD_SLICE],
        "Install" => &[SYSTEMD_INSTALL],
        _ => &[],
    }
}

fn secret(value: &str) -> bool {
    let upper = value.to_ascii_uppercase();
    ["PASSWORD=", "PASSPHRASE=", "SECRET=", "TOKEN=", "CIPHER_PASS="].iter().any(|word| upper.contains(word))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_systemd_would_skip_with_a_warning_is_refused() {
        let good = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/a \\\n  --option=1\nRestart=always\n";
        assert_eq!(check(good), []);
        assert!(check(&good.replace("Restart=", "Restrat="))[0].message.contains("did you mean `Restart`?"));
        assert!(check(&good.replace("[Service]", "[Servcie]"))[0].message.contains("no section"));
        assert!(check("[Timer]\nPersistent=true\n")[0].message.contains("never fires"));
    }
}
