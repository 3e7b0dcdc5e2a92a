package multirecall.analysis;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterIterator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** {@code word_delimiter_graph}: "Wi-Fi 802.11ac" into its parts, their joins and the original. */
final class WordDelimiter {

    // Lucene keeps three of these package-private; the numbers are part of its file format of rules.
    private static final Map<String, Integer> CHAR_TYPES = Map.of(
        "LOWER", 0x01, "UPPER", 0x02, "ALPHA", 0x03, "DIGIT", 0x04, "ALPHANUM", 0x07, "SUBWORD_DELIM", 0x08);

    private record Flag(String setting, int bit, boolean byDefault) {}

    private static final List<Flag> FLAGS = List.of(
        new Flag("generate_word_parts", WordDelimiterGraphFilter.GENERATE_WORD_PARTS, true),
        new Flag("generate_number_parts", WordDelimiterGraphFilter.GENERATE_NUMBER_PARTS, true),
        new Flag("catenate_words", WordDelimiterGraphFilter.CATENATE_WORDS, false),
        new Flag("catenate_numbers", WordDelimiterGraphFilter.CATENATE_NUMBERS, false),
        new Flag("catenate_all", WordDelimiterGraphFilter.CATENATE_ALL, false),
        new Flag("split_on_case_change", WordDelimiterGraphFilter.SPLIT_ON_CASE_CHANGE, true),
        new Flag("preserve_original", WordDelimiterGraphFilter.PRESERVE_ORIGINAL, false),
        new Flag("split_on_numerics", WordDelimiterGraphFilter.SPLIT_ON_NUMERICS, true),
        new Flag("stem_english_possessive", WordDelimiterGraphFilter.STEM_ENGLISH_POSSESSIVE, true),
        new Flag("ignore_keywords", WordDelimiterGraphFilter.IGNORE_KEYWORDS, false));

    private WordDelimiter() {}

    static TokenFilterFactory graph(IndexSettings index, Environment env, String name, Settings settings) {
        int flags = 0;
        for (Flag flag : FLAGS) {
            flags |= settings.getAsBoolean(flag.setting(), flag.byDefault()) ? flag.bit() : 0;
        }
        int chosen = flags;
        Set<?> listed = Analysis.getWordSet(env, settings, "protected_words");
        CharArraySet protectedWords = listed == null ? null : CharArraySet.copy(listed);
        boolean adjustOffsets = settings.getAsBoolean("adjust_offsets", true);
        List<String> rules = Analysis.getWordList(env, settings, "type_table");
        byte[] types = rules == null ? WordDelimiterIterator.DEFAULT_WORD_DELIM_TABLE : typeTable(rules);
        return Filter.stacking(
            name, tokens -> new WordDelimiterGraphFilter(tokens, adjustOffsets, types, chosen, protectedWords));
    }

    private static byte[] typeTable(List<String> rules) {
        TreeMap<Character, Byte> special = new TreeMap<>();
        for (String rule : rules) {
            int arrow = rule.lastIndexOf("=>");
            String from = arrow < 0 ? "" : Escapes.unescape(rule.substring(0, arrow).trim());
            Integer type = arrow < 0 ? null : CHAR_TYPES.get(rule.substring(arrow + 2).trim());
            if (type == null || from.length() != 1) {
                throw new IllegalArgumentException("Invalid Mapping Rule : [" + rule + "]");
            }
            special.put(from.charAt(0), type.byteValue());
        }
        int highest = special.isEmpty() ? 0 : special.lastKey();
        byte[] types = new byte[Math.max(highest + 1, WordDelimiterIterator.DEFAULT_WORD_DELIM_TABLE.length)];
        for (int c = 0; c < types.length; c++) {
            types[c] = WordDelimiterIterator.getType(c);
        }
        special.forEach((c, type) -> types[c] = type);
        return types;
    }
}
