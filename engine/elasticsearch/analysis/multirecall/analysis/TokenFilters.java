package multirecall.analysis;

import static org.elasticsearch.plugins.AnalysisPlugin.requiresAnalysisSettings;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicNormalizationFilter;
import org.apache.lucene.analysis.cjk.CJKWidthFilter;
import org.apache.lucene.analysis.classic.ClassicFilter;
import org.apache.lucene.analysis.core.DecimalDigitFilter;
import org.apache.lucene.analysis.core.FlattenGraphFilter;
import org.apache.lucene.analysis.core.UpperCaseFilter;
import org.apache.lucene.analysis.de.GermanNormalizationFilter;
import org.apache.lucene.analysis.de.GermanStemFilter;
import org.apache.lucene.analysis.el.GreekLowerCaseFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishLowerCaseFilter;
import org.apache.lucene.analysis.miscellaneous.KeepWordFilter;
import org.apache.lucene.analysis.miscellaneous.LengthFilter;
import org.apache.lucene.analysis.miscellaneous.LimitTokenCountFilter;
import org.apache.lucene.analysis.miscellaneous.PatternKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianNormalizationFilter;
import org.apache.lucene.analysis.miscellaneous.SetKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.StemmerOverrideFilter;
import org.apache.lucene.analysis.miscellaneous.TrimFilter;
import org.apache.lucene.analysis.miscellaneous.TruncateTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.pattern.PatternReplaceFilter;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.apache.lucene.analysis.tr.ApostropheFilter;
import org.apache.lucene.analysis.tr.TurkishLowerCaseFilter;
import org.apache.lucene.analysis.util.ElisionFilter;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** What happens to the tokens, beside {@code stop}, {@code shingle} and {@code hunspell}, which the server has. */
final class TokenFilters {

    private final Map<String, AnalysisProvider<TokenFilterFactory>> all = new HashMap<>();

    private TokenFilters() {
        normalizing("arabic_normalization", ArabicNormalizationFilter::new);
        normalizing("cjk_width", CJKWidthFilter::new);
        normalizing("decimal_digit", DecimalDigitFilter::new);
        normalizing("german_normalization", GermanNormalizationFilter::new);
        normalizing("scandinavian_folding", ScandinavianFoldingFilter::new);
        normalizing("scandinavian_normalization", ScandinavianNormalizationFilter::new);
        normalizing("trim", TrimFilter::new);
        normalizing("uppercase", UpperCaseFilter::new);
        plain("apostrophe", ApostropheFilter::new);
        plain("classic", ClassicFilter::new);
        plain("flatten_graph", FlattenGraphFilter::new);
        plain("german_stem", GermanStemFilter::new);
        plain("kstem", KStemFilter::new);
        plain("porter_stem", PorterStemFilter::new);
        plain("remove_duplicates", RemoveDuplicatesTokenFilter::new);
        plain("reverse", ReverseStringFilter::new);
        all.put("asciifolding", (index, env, name, settings) ->
            new AsciiFolding(name, settings.getAsBoolean("preserve_original", false)));
        all.put("lowercase", TokenFilters::lowercase);
        all.put("stemmer", Stemmers::stemmer);
        all.put("snowball", Stemmers::snowballFilter);
        all.put("ngram", Ngrams::ngram);
        all.put("edge_ngram", Ngrams::edgeNgram);
        all.put("word_delimiter_graph", WordDelimiter::graph);
        all.put("length", TokenFilters::length);
        all.put("limit", TokenFilters::limit);
        all.put("unique", TokenFilters::unique);
        all.put("elision", requiresAnalysisSettings(TokenFilters::elision));
        all.put("keep", requiresAnalysisSettings(TokenFilters::keep));
        all.put("keyword_marker", requiresAnalysisSettings(TokenFilters::keywordMarker));
        all.put("pattern_capture", requiresAnalysisSettings(TokenFilters::patternCapture));
        all.put("pattern_replace", requiresAnalysisSettings(TokenFilters::patternReplace));
        all.put("stemmer_override", requiresAnalysisSettings(TokenFilters::stemmerOverride));
        all.put("truncate", requiresAnalysisSettings(TokenFilters::truncate));
        all.put("synonym", requiresAnalysisSettings((i, env, name, set) -> new Synonyms(env, name, set, false)));
        all.put("synonym_graph", requiresAnalysisSettings((i, env, name, set) -> new Synonyms(env, name, set, true)));
    }

    static Map<String, AnalysisProvider<TokenFilterFactory>> all() {
        return new TokenFilters().all;
    }

    private void plain(String name, UnaryOperator<TokenStream> filter) {
        all.put(name, (index, env, given, settings) -> Filter.plain(given, filter));
    }

    private void normalizing(String name, UnaryOperator<TokenStream> filter) {
        all.put(name, (index, env, given, settings) -> Filter.normalizing(given, filter));
    }

    private static TokenFilterFactory lowercase(IndexSettings index, Environment env, String name, Settings settings) {
        String language = settings.get("language", "");
        return Filter.normalizing(name, switch (language) {
            case "" -> LowerCaseFilter::new;
            case "greek" -> GreekLowerCaseFilter::new;
            case "irish" -> IrishLowerCaseFilter::new;
            case "turkish" -> TurkishLowerCaseFilter::new;
            default -> throw new IllegalArgumentException(
                "language [" + language + "] not support for lower case");
        });
    }

    private static TokenFilterFactory length(IndexSettings index, Environment env, String name, Settings settings) {
        int min = settings.getAsInt("min", 0);
        int max = settings.getAsInt("max", Integer.MAX_VALUE);
        return Filter.plain(name, tokens -> new LengthFilter(tokens, min, max));
    }

    private static TokenFilterFactory limit(IndexSettings index, Environment env, String name, Settings settings) {
        int most = settings.getAsInt("max_token_count", 1);
        boolean readsAll = settings.getAsBoolean("consume_all_tokens", false);
        return Filter.plain(name, tokens -> new LimitTokenCountFilter(tokens, most, readsAll));
    }

    private static TokenFilterFactory unique(IndexSettings index, Environment env, String name, Settings settings) {
        boolean onlyOnSamePosition = settings.getAsBoolean("only_on_same_position", false);
        return Filter.plain(name, tokens -> new UniqueFilter(tokens, onlyOnSamePosition));
    }

    private static TokenFilterFactory elision(IndexSettings index, Environment env, String name, Settings settings) {
        CharArraySet listed = Analysis.parseArticles(env, settings);
        CharArraySet articles = listed == null ? FrenchAnalyzer.DEFAULT_ARTICLES : listed;
        return Filter.normalizing(name, tokens -> new ElisionFilter(tokens, articles));
    }

    private static TokenFilterFactory keep(IndexSettings index, Environment env, String name, Settings settings) {
        boolean ignoresCase = settings.getAsBoolean("keep_words_case", false);
        CharArraySet kept = wordSet(env, settings, "keep_words", ignoresCase, name);
        return Filter.plain(name, tokens -> new KeepWordFilter(tokens, kept));
    }

    private static TokenFilterFactory keywordMarker(
        IndexSettings index, Environment env, String name, Settings settings) {
        String pattern = settings.get("keywords_pattern");
        if (pattern != null) {
            Pattern keywords = Pattern.compile(pattern);
            return Filter.plain(name, tokens -> new PatternKeywordMarkerFilter(tokens, keywords));
        }
        CharArraySet keywords = wordSet(env, settings, "keywords", settings.getAsBoolean("ignore_case", false), name);
        return Filter.plain(name, tokens -> new SetKeywordMarkerFilter(tokens, keywords));
    }

    private static CharArraySet wordSet(
        Environment env, Settings settings, String key, boolean ignoresCase, String name) {
        List<String> words = Analysis.getWordList(env, settings, key);
        if (words == null) {
            throw new IllegalArgumentException(key + " or " + key + "_path is missing for [" + name + "]");
        }
        return new CharArraySet(Set.copyOf(words), ignoresCase);
    }

    private static TokenFilterFactory patternCapture(
        IndexSettings index, Environment env, String name, Settings settings) {
        Pattern[] patterns =
            settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
        if (patterns.length == 0) {
            throw new IllegalArgumentException("required setting 'patterns' is missing for token filter [" + name + "]");
        }
        boolean keepOriginal = settings.getAsBoolean("preserve_original", true);
        return Filter.stacking(name, tokens -> new PatternCaptureGroupTokenFilter(tokens, keepOriginal, patterns));
    }

    private static TokenFilterFactory patternReplace(
        IndexSettings index, Environment env, String name, Settings settings) {
        Pattern pattern = Regex.compile(Required.setting(settings, "pattern", name), settings.get("flags"));
        String replacement = settings.get("replacement", "");
        boolean all = settings.getAsBoolean("all", true);
        return Filter.normalizing(name, tokens -> new PatternReplaceFilter(tokens, pattern, replacement, all));
    }

    private static TokenFilterFactory stemmerOverride(
        IndexSettings index, Environment env, String name, Settings settings) throws IOException {
        List<String> rules = Analysis.getWordList(env, settings, "rules");
        if (rules == null) {
            throw new IllegalArgumentException(
                "stemmer override filter requires either `rules` or `rules_path` to be configured");
        }
        StemmerOverrideFilter.Builder builder = new StemmerOverrideFilter.Builder(false);
        for (String rule : rules) {
            String[] sides = rule.split("=>", -1);
            if (sides.length != 2 || sides[0].isBlank() || sides[1].isBlank()) {
                throw new IllegalArgumentException("Invalid Keyword override Rule:" + rule);
            }
            for (String word : sides[0].split(",")) {
                builder.add(word.trim(), sides[1].trim());
            }
        }
        StemmerOverrideFilter.StemmerOverrideMap overrides = builder.build();
        return Filter.plain(name, tokens -> new StemmerOverrideFilter(tokens, overrides));
    }

    private static TokenFilterFactory truncate(IndexSettings index, Environment env, String name, Settings settings) {
        int length = settings.getAsInt("length", -1);
        if (length <= 0) {
            throw new IllegalArgumentException("length parameter must be provided");
        }
        return Filter.plain(name, tokens -> new TruncateTokenFilter(tokens, length));
    }
}
