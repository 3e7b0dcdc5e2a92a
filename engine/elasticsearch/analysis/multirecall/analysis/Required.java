package multirecall.analysis;

import org.elasticsearch.common.settings.Settings;

/** Reads settings that have no default. */
final class Required {

    private Required() {}

    static String setting(Settings settings, String key, String component) {
        String value = settings.get(key);
        if (value == null) {
            throw new IllegalArgumentException(key + " is missing for [" + component + "]");
        }
        return value;
    }
}
