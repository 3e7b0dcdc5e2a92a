package multirecall.analysis;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicStemFilter;
import org.apache.lucene.analysis.bg.BulgarianStemFilter;
import org.apache.lucene.analysis.bn.BengaliStemFilter;
import org.apache.lucene.analysis.br.BrazilianStemFilter;
import org.apache.lucene.analysis.ckb.SoraniStemFilter;
import org.apache.lucene.analysis.cz.CzechStemFilter;
import org.apache.lucene.analysis.de.GermanLightStemFilter;
import org.apache.lucene.analysis.de.GermanMinimalStemFilter;
import org.apache.lucene.analysis.el.GreekStemFilter;
import org.apache.lucene.analysis.en.EnglishMinimalStemFilter;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.es.SpanishLightStemFilter;
import org.apache.lucene.analysis.es.SpanishPluralStemFilter;
import org.apache.lucene.analysis.fa.PersianStemFilter;
import org.apache.lucene.analysis.fi.FinnishLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianStemFilter;
import org.apache.lucene.analysis.hi.HindiStemFilter;
import org.apache.lucene.analysis.hu.HungarianLightStemFilter;
import org.apache.lucene.analysis.id.IndonesianStemFilter;
import org.apache.lucene.analysis.it.ItalianLightStemFilter;
import org.apache.lucene.analysis.lv.LatvianStemFilter;
import org.apache.lucene.analysis.no.NorwegianLightStemFilter;
import org.apache.lucene.analysis.no.NorwegianMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseLightStemFilter;
import org.apache.lucene.analysis.pt.PortugueseMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseStemFilter;
import org.apache.lucene.analysis.ru.RussianLightStemFilter;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.sv.SwedishLightStemFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** {@code stemmer} with its {@code language}, and {@code snowball}. */
final class Stemmers {

    private static final Map<String, UnaryOperator<TokenStream>> BY_LANGUAGE = new TreeMap<>();

    static {
        for (String language : new String[] {
            "armenian", "basque", "catalan", "danish", "dutch", "estonian", "finnish", "french", "german", "hungarian",
            "irish", "italian", "lithuanian", "norwegian", "portuguese", "romanian", "russian", "serbian", "spanish",
            "swedish", "turkish"}) {
            BY_LANGUAGE.put(language, snowball(language));
        }
        // "english" is Porter's first algorithm; Snowball's English one is called "porter2".
        BY_LANGUAGE.put("english", PorterStemFilter::new);
        BY_LANGUAGE.put("porter", PorterStemFilter::new);
        BY_LANGUAGE.put("porter2", snowball("english"));
        BY_LANGUAGE.put("light_english", KStemFilter::new);
        BY_LANGUAGE.put("kstem", KStemFilter::new);
        BY_LANGUAGE.put("minimal_english", EnglishMinimalStemFilter::new);
        BY_LANGUAGE.put("possessive_english", EnglishPossessiveFilter::new);
        BY_LANGUAGE.put("arabic", ArabicStemFilter::new);
        BY_LANGUAGE.put("bengali", BengaliStemFilter::new);
        BY_LANGUAGE.put("brazilian", BrazilianStemFilter::new);
        BY_LANGUAGE.put("bulgarian", BulgarianStemFilter::new);
        BY_LANGUAGE.put("czech", CzechStemFilter::new);
        BY_LANGUAGE.put("galician", GalicianStemFilter::new);
        BY_LANGUAGE.put("minimal_galician", GalicianMinimalStemFilter::new);
        BY_LANGUAGE.put("german2", snowball("german"));
        BY_LANGUAGE.put("light_german", GermanLightStemFilter::new);
        BY_LANGUAGE.put("minimal_german", GermanMinimalStemFilter::new);
        BY_LANGUAGE.put("greek", GreekStemFilter::new);
        BY_LANGUAGE.put("hindi", HindiStemFilter::new);
        BY_LANGUAGE.put("indonesian", IndonesianStemFilter::new);
        BY_LANGUAGE.put("latvian", LatvianStemFilter::new);
        BY_LANGUAGE.put("light_finnish", FinnishLightStemFilter::new);
        BY_LANGUAGE.put("light_french", FrenchLightStemFilter::new);
        BY_LANGUAGE.put("minimal_french", FrenchMinimalStemFilter::new);
        BY_LANGUAGE.put("light_hungarian", HungarianLightStemFilter::new);
        BY_LANGUAGE.put("light_italian", ItalianLightStemFilter::new);
        BY_LANGUAGE.put("light_norwegian", NorwegianLightStemFilter::new);
        BY_LANGUAGE.put("minimal_norwegian", NorwegianMinimalStemFilter::new);
        BY_LANGUAGE.put("persian", PersianStemFilter::new);
        BY_LANGUAGE.put("light_portuguese", PortugueseLightStemFilter::new);
        BY_LANGUAGE.put("minimal_portuguese", PortugueseMinimalStemFilter::new);
        BY_LANGUAGE.put("portuguese_rslp", PortugueseStemFilter::new);
        BY_LANGUAGE.put("light_russian", RussianLightStemFilter::new);
        BY_LANGUAGE.put("light_spanish", SpanishLightStemFilter::new);
        BY_LANGUAGE.put("spanish_plural", SpanishPluralStemFilter::new);
        BY_LANGUAGE.put("sorani", SoraniStemFilter::new);
        BY_LANGUAGE.put("light_swedish", SwedishLightStemFilter::new);
    }

    private Stemmers() {}

    static TokenFilterFactory stemmer(IndexSettings index, Environment env, String name, Settings settings) {
        String language = settings.get("language", settings.get("name", "porter"));
        UnaryOperator<TokenStream> stemmer = BY_LANGUAGE.get(snakeCase(language));
        if (stemmer == null) {
            throw new IllegalArgumentException(
                "Invalid stemmer class specified: " + language + ", must be one of " + BY_LANGUAGE.keySet());
        }
        return Filter.plain(name, stemmer);
    }

    static TokenFilterFactory snowballFilter(IndexSettings index, Environment env, String name, Settings settings) {
        String language = settings.get("language", settings.get("name", "English"));
        return Filter.plain(name, snowball(language));
    }

    private static UnaryOperator<TokenStream> snowball(String language) {
        String stemmer = language.substring(0, 1).toUpperCase(Locale.ROOT) + language.substring(1);
        return tokens -> new SnowballFilter(tokens, stemmer);
    }

    /** "lightEnglish", "Light_English" and "light_english" name one stemmer. */
    private static String snakeCase(String language) {
        return language.replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }
}
